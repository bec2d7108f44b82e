import type { Tokenizer } from "@gpt/tokenizer";
import type { Example } from "@gpt/train";
import type { Output } from "../output.ts";
import { styled } from "../style.ts";

/** Shows the first examples as the model reads them: what it learns is green (or in brackets, without colours), the rest dim. */
export function showSamples(examples: readonly Example[], tokenizer: Tokenizer, count: number, output: Output): void {
  examples.slice(0, count).forEach((example, i) => {
    const spans = spansOf(example).map(({ ids, isLearnt }) => {
      const text = tokenizer.decode(ids, { withoutToken: "skip" });
      if (!isLearnt) return styled("dim", text);
      const shown = styled("green", text);
      return shown === text ? `⟦${text}⟧` : shown;
    });
    const learnt = example.mask ? example.mask.reduce((sum, bit) => sum + bit, 0) : example.ids.length - 1;
    output.note(`Example ${i + 1}, ${example.ids.length} tokens, of which ${learnt} are learnt:`);
    for (const line of spans.join("").split("\n")) output.note(`  ${line}`);
  });
}

/** Runs of tokens that are all learnt, or all not. */
function spansOf({ ids, mask }: Example): { readonly ids: Int32Array; readonly isLearnt: boolean }[] {
  const isLearnt = (i: number): boolean => (mask ? mask[i] === 1 : i > 0);
  const spans: { ids: Int32Array; isLearnt: boolean }[] = [];
  for (let start = 0, end = 0; start < ids.length; start = end) {
    while (end < ids.length && isLearnt(end) === isLearnt(start)) end++;
    spans.push({ ids: ids.slice(start, end), isLearnt: isLearnt(start) });
  }
  return spans;
}
