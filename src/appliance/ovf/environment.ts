/** The OVF environment (DSP8027): the document on the disc that tells a guest its properties. */
import { create } from 'xmlbuilder2';
import type { XmlElement } from './descriptor.ts';

export const ENVIRONMENT_FILE = 'ovf-env.xml';

const NAMESPACE = 'http://schemas.dmtf.org/ovf/environment/1';

export function ovfEnvironment(id: string, values: ReadonlyMap<string, string>): string {
  const environment: XmlElement = {
    '@xmlns': NAMESPACE,
    '@xmlns:oe': NAMESPACE,
    '@oe:id': id,
    PlatformSection: { Kind: 'pvmc', Version: '1', Vendor: 'pvmc', Locale: 'en' },
    PropertySection: {
      Property: [...values].map(([key, value]) => ({ '@oe:key': key, '@oe:value': value })),
    },
  };
  return create({ version: '1.0', encoding: 'UTF-8', invalidCharReplacement: '\ufffd' })
    .ele({ Environment: environment })
    .end({ prettyPrint: true })
    .concat('\n');
}
