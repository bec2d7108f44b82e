import type { TokenizerError } from "../errors.ts";
import type { JsonValue } from "../files/json.ts";
import { quote } from "../messages.ts";

/** Steps that a part of a `tokenizer.json` may have; files in use have fewer than ten. */
const maxSteps = 64;

/** The steps of a part that may be one step, a Sequence of some, or null. */
export function* steps(part: JsonValue, listName: string): Generator<JsonValue> {
  let count = 0;
  for (const step of all(part, listName)) {
    if (++count > maxSteps) throw part.unsupported(`has more than ${maxSteps} steps`);
    yield step;
  }
}

function* all(part: JsonValue, listName: string): Generator<JsonValue> {
  if (part.isAbsent) return;
  if (part.get("type").value === "Sequence") {
    for (const step of part.get(listName).items()) yield* all(step, listName);
  } else yield part;
}

/** An error for a step of a type that this package does not have. */
export function otherKind(type: JsonValue): TokenizerError {
  return type.unsupported(type.isAbsent ? "is missing" : `is ${quote(type.value)}`);
}
