/**
 * Writes what Hugging Face's tokenizers (the Rust library) makes of the cases of `@gpt/tokenizer`, for the tests of that
 * package, which have no such library:
 *
 *     npm run exec -- pnpm --dir tooling/interop run expectations
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "tokenizers";
import { pipelineCases, pipelineTexts } from "../../../packages/tokenizer/test/pipeline-cases.ts";
import { caseTexts, tokenizerCases } from "../../../packages/tokenizer/test/tokenizer-cases.ts";
import type { TokenizerCase } from "../../../packages/tokenizer/test/tokenizer-cases.ts";

interface Expectation {
  readonly size: number;
  readonly ids: number[][];
  /** With the tokens of a template. */
  readonly around?: number[][];
  readonly decoded: string[];
}

async function write(file: string, cases: readonly TokenizerCase[], texts: readonly string[], isAround: boolean): Promise<void> {
  const lines: string[] = [];
  for (const { title, json } of cases) lines.push(`  ${JSON.stringify(title)}: ${JSON.stringify(await expectation(json, texts, isAround))}`);
  const path = join(import.meta.dirname, "../../../packages/tokenizer/test", file);
  writeFileSync(path, `{\n${lines.join(",\n")}\n}\n`);
}

async function expectation(json: unknown, texts: readonly string[], isAround: boolean): Promise<Expectation> {
  const tokenizer = Tokenizer.fromString(JSON.stringify(json));
  // Programs that load such a file set both again at each call.
  tokenizer.disableTruncation();
  tokenizer.disablePadding();
  const ids: number[][] = [];
  const around: number[][] = [];
  const decoded: string[] = [];
  for (const text of texts) {
    const encoding = await tokenizer.encode(text, null, { addSpecialTokens: false });
    ids.push(encoding.getIds());
    if (isAround) around.push((await tokenizer.encode(text, null, { addSpecialTokens: true })).getIds());
    // The library panics where a Strip has nothing to take.
    decoded.push(encoding.getIds().length === 0 ? "" : await tokenizer.decode(encoding.getIds(), false));
  }
  return { size: tokenizer.getVocabSize(), ids, ...(isAround && { around }), decoded };
}

await write("tokenizer-cases.json", tokenizerCases, caseTexts, false);
await write("pipeline-cases.json", pipelineCases, pipelineTexts, true);
