import { maxVocabSize } from "../bpe/vocabulary.ts";
import type { JsonValue } from "../files/json.ts";
import type { TokensAround } from "../tokenizer.ts";
import { otherKind, steps } from "./steps.ts";

/** Tokens that a template may put on one side of a text; those in use put one or two. */
const maxAround = 64;

/**
 * Reads what `post_processor` of a `tokenizer.json` puts around a text: templates give it once, and tokens before and
 * behind. Offsets, which ByteLevel trims, are no part of ids.
 */
export function readAround(part: JsonValue, hasToken: (id: number) => boolean): TokensAround {
  let [before, behind]: number[][] = [[], []];
  for (const step of steps(part, "processors")) {
    const type = step.get("type");
    if (type.value === "ByteLevel") continue;
    if (type.value !== "TemplateProcessing") throw otherKind(type);
    const inner: [number[], number[]] = [[], []];
    let isBehind = false;
    for (const piece of step.get("single").items()) {
      if (piece.get("SpecialToken").isAbsent) {
        piece.get("Sequence").get("id").expect("A");
        if (isBehind || piece.get("Sequence").isAbsent) throw step.get("single").unsupported("gives the text other than once");
        isBehind = true;
      } else inner[isBehind ? 1 : 0].push(...idsOf(step, piece.get("SpecialToken").get("id"), hasToken));
    }
    if (!isBehind) throw step.get("single").unsupported("gives the text other than once");
    before = [...inner[0], ...before];
    behind = [...behind, ...inner[1]];
    if (before.length > maxAround || behind.length > maxAround) throw step.get("single").unsupported("adds many tokens");
  }
  return { before, behind };
}

function idsOf(template: JsonValue, name: JsonValue, hasToken: (id: number) => boolean): number[] {
  const token = template.get("special_tokens").get(name.string());
  if (token.isAbsent) throw name.invalid("is not among special_tokens");
  return Array.from(token.get("ids").items(), (item) => {
    const id = item.index(maxVocabSize);
    if (!hasToken(id)) throw item.invalid(`is ${id}, which is no token`);
    return id;
  });
}

/** `post_processor` for tokens around a text. */
export function templateJson({ before, behind }: TokensAround, nameOf: (id: number) => string): unknown {
  const names = (ids: readonly number[]): string[] => ids.map(nameOf);
  const special = (type: number) => (id: string) => ({ SpecialToken: { id, type_id: type } });
  const one = (sequence: string, type: number): unknown[] => [
    ...names(before).map(special(type)),
    { Sequence: { id: sequence, type_id: type } },
    ...names(behind).map(special(type)),
  ];
  return {
    type: "TemplateProcessing",
    single: one("A", 0),
    pair: [...one("A", 0), ...one("B", 1)],
    special_tokens: Object.fromEntries(
      [...before, ...behind].map((id) => [nameOf(id), { id: nameOf(id), ids: [id], tokens: [nameOf(id)] }]),
    ),
  };
}
