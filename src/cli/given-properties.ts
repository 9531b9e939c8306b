/** `--property hostname=shop-1`: values of an appliance's properties as people write them. */
import { InvalidArgumentError } from 'commander';
import { type GivenProperty, parseProperty } from '../pipeline/import-properties.ts';

/** Adds one to those given before, of which the last counts; commander calls it for each. */
export function addProperty(
  text: string,
  earlier: readonly GivenProperty[],
): readonly GivenProperty[] {
  const property = parseProperty(text);
  if (!property) throw new InvalidArgumentError('Write KEY=VALUE.');
  return [...earlier, property];
}
