import { TokenizerError } from "../errors.ts";
import { showName } from "../messages.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { buildTokenizer } from "./build.ts";
import { Declarations } from "./declarations.ts";
import type { FileLookup } from "./declarations.ts";
import { checkLength, JsonValue } from "./json.ts";
import type { TextFile } from "./json.ts";
import { ModelTokens } from "./model-tokens.ts";

/**
 * Reads a pair of files, `vocab.json` and `merges.txt`, as GPT-2, Qwen2 and GPT-1 have them: the class that the folder
 * names says how text is split. Which tokens are special, and which there are on top, is said by the other files of the
 * folder, `beside`. Throws `invalid-file` and `unsupported-file`.
 */
export function readVocabAndMerges(vocab: TextFile, merges: TextFile, beside: FileLookup): Tokenizer {
  checkLength(merges);
  const declarations = new Declarations(beside, false);
  const { model, ...parts } = declarations.parts;
  const tokens = new ModelTokens(JsonValue.parse(vocab), vocab.name);
  const lines = mergeLines(merges);
  // Messages about what the class says name the file that is at fault where it does not fit.
  const asFile = (value: unknown): JsonValue => JsonValue.parse({ text: JSON.stringify(value), name: vocab.name });
  return buildTokenizer({
    parts: asFile(parts),
    model: asFile(model),
    tokens,
    addedTokens: [],
    merges: () => tokens.merges(
      lines.map(({ pair }) => pair),
      (index) => `line ${lines[index].number} of ${showName(merges.name)}`,
    ),
    declarations,
  });
}

interface MergeLine {
  readonly pair: readonly [left: string, right: string];
  readonly number: number;
}

/** Lines of two spellings with a space between them, but for such as `#version: 0.2`. */
function mergeLines({ text, name }: TextFile): MergeLine[] {
  const found: MergeLine[] = [];
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("#version")) continue;
    const [left, right, ...more] = line.split(" ");
    if (!left || !right || more.length > 0) {
      throw new TokenizerError(
        "invalid-file",
        `${showName(name)}: line ${index + 1} is not two tokens with a space between them`,
      );
    }
    found.push({ pair: [left, right], number: index + 1 });
  }
  return found;
}
