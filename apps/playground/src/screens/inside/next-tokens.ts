import type { Lens } from "../../engine/api/inside.ts";
import { shortName } from "../../ui/readable.ts";

/** A token that a layer says comes next. */
export interface NextToken {
  readonly name: string;
  readonly probability: number;
}

/** What the stream at a height says behind a token, from the likeliest on: height 0 is before the first block. */
export function nextTokens({ ids, probabilities, top, of, parts }: Lens, height: number, token: number): NextToken[] {
  const first = (height * of.length + token) * top;
  return Array.from(ids.subarray(first, first + top), (id, i) => ({
    name: shortName(parts.find((part) => part.id === id)!.bytes), probability: probabilities[first + i],
  }));
}
