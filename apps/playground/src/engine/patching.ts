import { patchActivations } from "@gpt/gpt";
import type { GPT, Patch } from "@gpt/gpt";
import { nextTokenDistribution } from "@gpt/generate";
import { gather, keep, scope, softmax, tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import type { Answer, Comparison, PatchEnds, PatchQuestion, PatchRow } from "./api/inside.ts";
import { EngineError } from "./failure.ts";
import { mostTokens, outcomeOf } from "./inspection.ts";
import type { OpenModel } from "./session.ts";
import { readPrompt } from "./writing.ts";

/** Tokens that one pass has: a row of the map is divided, so that a stop is heard soon. */
const tokensAtOnce = 1024;
/** Answers of each text. */
const answersOfEach = 6;

/** What either text may be followed by. */
export async function compare(open: OpenModel, text: string, other: string): Promise<Comparison> {
  const { model } = open;
  const limit = Math.min(mostTokens, model.config.contextLength);
  const [tokens, others] = [text, other].map((each) => readPrompt(open, each).slice(0, limit));
  if (tokens.length === 0 || others.length === 0) throw new EngineError({ code: "empty-prompt", message: "a text has no tokens" });
  const [here, there] = await Promise.all(
    [tokens, others].map(async (prompt) => (await nextTokenDistribution(model, prompt.map(({ id }) => id), { modelDefaults: false })).model),
  );
  const difference = ({ probability, otherProbability }: Answer): number => Math.abs(probability - otherProbability);
  const answers = [...new Set([...likeliest(here), ...likeliest(there)])]
    .map((id): Answer => ({ ...outcomeOf(open, id), probability: here[id], otherProbability: there[id] }))
    .sort((a, b) => difference(b) - difference(a));
  return { tokens, other: others, answers };
}

/** Patches row by row. The page's answer to an event lets the Worker hear of a stop. */
export async function patch(
  { model }: OpenModel, question: PatchQuestion, signal: AbortSignal, onEvent: (event: PatchEnds | PatchRow) => void | Promise<void>,
): Promise<void> {
  const { ids, source, target } = question;
  const nothing: Patch = { name: "embed", position: 0 };
  const [here, there] = [await answersTo(model, ids, ids, [nothing], target), await answersTo(model, source, source, [nothing], target)];
  await onEvent({
    type: "ends",
    probability: here.probabilities[0], logit: here.logits[0],
    otherProbability: there.probabilities[0], otherLogit: there.logits[0],
  });
  for (const [row, patches] of rowsOf(model, question).entries()) {
    const [logits, probabilities] = [new Float32Array(patches.length), new Float32Array(patches.length)];
    const atOnce = Math.max(1, Math.floor(tokensAtOnce / ids.length));
    for (let first = 0; first < patches.length && !signal.aborted; first += atOnce) {
      const answers = await answersTo(model, ids, source, patches.slice(first, first + atOnce), target);
      logits.set(answers.logits, first);
      probabilities.set(answers.probabilities, first);
      // A message of the page comes between two tasks.
      await new Promise((resolve) => setTimeout(resolve));
    }
    if (signal.aborted) return;
    await onEvent({ type: "row", row, logits, probabilities });
  }
}

/** The patches of each row of the map. */
function rowsOf({ config: { blocks } }: GPT, { ids, site }: PatchQuestion): Patch[][] {
  if (site === "heads") {
    return blocks.map(({ attention: { heads } }, block) =>
      Array.from({ length: heads }, (_, head) => ({ name: `blocks.${block}.attention.output`, head }) as const),
    );
  }
  const streams = ["embed" as const, ...blocks.map((_, block) => `blocks.${block}.residual` as const)];
  return streams.map((name) => ids.map((_, position) => ({ name, position })));
}

async function answersTo(
  model: GPT, ids: readonly number[], source: readonly number[], patches: readonly Patch[], target: number,
): Promise<{ readonly logits: Float32Array; readonly probabilities: Float32Array }> {
  const [logits, probabilities] = scope((): Tensor[] => {
    const all = patchActivations(model, ids, source, patches);
    const targets = tensor(new Int32Array(patches.length).fill(target), { shape: [patches.length, 1], backend: model.backend });
    return [all, softmax(all)].map((scores) => keep(gather(scores, targets, -1)));
  });
  try {
    return { logits: await logits.data(), probabilities: await probabilities.data() };
  } finally {
    for (const result of [logits, probabilities]) result.dispose();
  }
}

function likeliest(probabilities: Float32Array): number[] {
  return Array.from(probabilities.keys()).sort((a, b) => probabilities[b] - probabilities[a]).slice(0, answersOfEach);
}
