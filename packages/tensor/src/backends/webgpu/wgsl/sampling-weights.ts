import { functions } from "./functions.ts";

/** What differences to the largest logit are multiplied by; 0 says the temperature 0, for which there is no factor. */
export function factorOf(temperature: number): number {
  return temperature === 0 ? 0 : 1 / temperature;
}

/** WGSL of the weight of a logit. At the temperature 0 it is 1 for the largest ones, else 0. */
export const weightFunction = `
${functions(["exponential"])}
fn weigh(logit: f32, largest: f32, factor: f32) -> f32 {
  if (factor == 0.0) { return select(0.0, 1.0, logit == largest); }
  return exponential((logit - largest) * factor);
}`;
