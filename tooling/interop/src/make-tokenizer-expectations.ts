/**
 * Writes what Hugging Face's tokenizers (the Rust library) makes of the cases of `@gpt/tokenizer`, for the tests of that
 * package, which have no such library:
 *
 *     npm run exec -- pnpm --dir tooling/interop run expectations
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "tokenizers";
import { caseTexts, tokenizerCases } from "../../../packages/tokenizer/test/tokenizer-cases.ts";

const path = join(import.meta.dirname, "../../../packages/tokenizer/test/tokenizer-cases.json");

const expected: Record<string, { size: number; ids: number[][]; decoded: string[] }> = {};
for (const { title, json } of tokenizerCases) {
  const tokenizer = Tokenizer.fromString(JSON.stringify(json));
  // Programs that load such a file set both again at each call.
  tokenizer.disableTruncation();
  tokenizer.disablePadding();
  const ids: number[][] = [];
  const decoded: string[] = [];
  for (const text of caseTexts) {
    const encoding = await tokenizer.encode(text, null, { addSpecialTokens: false });
    ids.push(encoding.getIds());
    decoded.push(await tokenizer.decode(encoding.getIds(), false));
  }
  expected[title] = { size: tokenizer.getVocabSize(), ids, decoded };
}
const lines = Object.entries(expected).map(([title, values]) => `  ${JSON.stringify(title)}: ${JSON.stringify(values)}`);
writeFileSync(path, `{\n${lines.join(",\n")}\n}\n`);
