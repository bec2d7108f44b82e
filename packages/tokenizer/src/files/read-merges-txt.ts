import { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { maxVocabSize } from "../bpe/vocabulary.ts";
import { TokenizerError } from "../errors.ts";
import { checkLength, JsonValue } from "./json.ts";
import type { TextFile } from "./json.ts";
import { SpelledTokens } from "./spelled-tokens.ts";

/**
 * Reads GPT-2's pair of files, `vocab.json` and `merges.txt`, which do not say which tokens are special: here the one
 * that ends a text. Throws `invalid-file` and `unsupported-file`.
 */
export function readVocabAndMerges(vocab: TextFile, merges: TextFile, endOfText: string): BytePairTokenizer {
  checkLength(merges);
  const vocabulary = JsonValue.parse(vocab);
  const specialTokens = new Map<string, number>();
  const special = vocabulary.get(endOfText);
  if (!special.isAbsent) specialTokens.set(endOfText, special.index(maxVocabSize));
  const spelled = new SpelledTokens(vocabulary, specialTokens, vocab.name);
  const lines = mergeLines(merges);
  const table = spelled.merges(
    lines.map(({ pair }) => pair),
    (index) => `line ${lines[index].number} of ${merges.name}`,
  );
  return new BytePairTokenizer({
    pattern: "gpt2",
    tokens: spelled.tokens,
    merges: table,
    unmergeable: [],
    specialTokens,
    addedTokens: new Map(),
    endOfText,
  });
}

interface MergeLine {
  readonly pair: readonly [left: string, right: string];
  readonly number: number;
}

/** Lines of two spellings with a space between them; the first line may be a comment, `#version: 0.2`. */
function mergeLines({ text, name }: TextFile): MergeLine[] {
  const found: MergeLine[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "" || (index === 0 && line.startsWith("#version"))) continue;
    const [left, right, ...more] = line.split(" ");
    if (!left || !right || more.length > 0) {
      throw new TokenizerError(
        "invalid-file",
        `${name}: line ${index + 1} is not two tokens with a space between them`,
      );
    }
    found.push({ pair: [left, right], number: index + 1 });
  }
  return found;
}
