/** `network`: how the appliance gets its address. */
import { z } from 'zod';
import { rule, text, unique } from '../field.ts';
import { gatewayInNetwork, interfaceAddress, ipAddress } from '../formats/addresses.ts';

const staticSchema = z
  .strictObject({
    address: text(interfaceAddress).meta({
      description: 'The address, with the length of its network.',
      examples: ['192.168.1.10/24'],
    }),
    gateway: text(ipAddress)
      .meta({
        description: 'The router, an address in the same network.',
        examples: ['192.168.1.1'],
      })
      .optional(),
    dns: z
      .array(text(ipAddress))
      .check(unique('the name server'))
      .meta({ description: 'Name servers.', examples: [['192.168.1.1', '9.9.9.9']] })
      .default([]),
  })
  .check(rule(gatewayInNetwork));

export const networkSchema = z
  .union([z.literal('dhcp'), staticSchema])
  .meta({
    description: '`dhcp`, or a static address with its gateway and name servers.',
    examples: ['dhcp'],
  })
  .default('dhcp');
