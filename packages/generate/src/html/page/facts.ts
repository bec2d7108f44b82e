import type { PageModel } from "./messages.ts";
import type { Words } from "./words.ts";

/** What is known of the model, as the items of a list. */
export function factsOf({ config, dtype, parameters, byteLength, license }: PageModel, { facts }: Words, locale: string): HTMLElement[] {
  const whole = new Intl.NumberFormat(locale);
  const short = new Intl.NumberFormat(locale, { notation: "compact", maximumSignificantDigits: 3 });
  const megabytes = new Intl.NumberFormat(locale, { style: "unit", unit: "megabyte", maximumSignificantDigits: 3 });
  const values = {
    [facts.parameters]: short.format(parameters),
    [facts.layers]: whole.format(config.blocks.length),
    [facts.dim]: whole.format(config.dim),
    [facts.context]: whole.format(config.contextLength),
    [facts.vocabulary]: whole.format(config.vocabSize),
    [facts.weights]: `${dtype}, ${megabytes.format(byteLength / 1e6)}`,
    [facts.license]: license,
  };
  return Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined).map(([name, value]) => {
    const item = document.createElement("div");
    for (const [tag, content] of [["dt", name], ["dd", value]]) item.append(Object.assign(document.createElement(tag), { textContent: content }));
    return item;
  });
}
