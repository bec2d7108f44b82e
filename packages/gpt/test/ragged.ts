/** Sequences of seven lengths that are generated together through one cache, or each alone. */
import { noGrad, scope, tensor } from "@gpt/tensor";
import type { CacheDType } from "@gpt/tensor";
import { KeyValueCache } from "../src/cache.ts";
import type { AttentionConfig, BlockConfig, GPTConfig } from "../src/config.ts";
import type { Hooks } from "../src/hooks.ts";
import { GPT } from "../src/model.ts";

const vocabSize = 31;

const block = (attention: Partial<AttentionConfig>): BlockConfig => ({
  place: "pre",
  norm: { type: "layer", epsilon: 1e-5 },
  attention: { heads: 4, kvHeads: 2, headDim: 8, bias: true, ...attention },
  mlp: { type: "dense", hiddenDim: 48, activation: "gelu" },
});

/** Weights so large that the likeliest token is seldom close to the next one. */
const config: GPTConfig = {
  vocabSize,
  contextLength: 330,
  dim: 24,
  positions: "learned",
  blocks: [block({}), block({ window: 70, sinks: true, rotary: { theta: 1000 } })],
  finalNorm: { type: "layer", epsilon: 1e-5 },
  head: { type: "linear" },
  initialStd: 0.5,
};

export const raggedModel = (): GPT => new GPT(config, { seed: 3 }).eval();

export const prompts: readonly (readonly number[])[] = [1, 300, 17, 48, 96, 133, 49].map((length, i) =>
  Array.from({ length }, (_, k) => (k * k * 3 + 5 * k + i) % vocabSize),
);

/** A sequence on its way. */
interface Track {
  cache: KeyValueCache;
  id: number;
  /** Its tokens, of which the cache holds those before the last ones. */
  readonly text: number[];
  /** What was generated, and by how much the score of each was ahead of the next one's. */
  readonly generated: number[];
  readonly margins: number[];
}

/** The scores behind the last of further tokens of sequences of one cache, in one pass. */
export async function scoresOf(
  model: GPT, cache: KeyValueCache, added: readonly { readonly id: number; readonly tokens: readonly number[] }[], hooks?: Hooks,
): Promise<Float32Array[]> {
  const logits = scope(() =>
    noGrad(() =>
      model.forward({
        ids: tensor(Int32Array.from(added.flatMap(({ tokens }) => tokens))),
        sequences: added.map(({ id, tokens }) => ({ id, count: tokens.length })),
        cache,
        hooks,
        outputs: "last",
      }),
    ),
  );
  const scores = await logits.data();
  logits.dispose();
  return added.map((_, i) => scores.slice(i * vocabSize, (i + 1) * vocabSize));
}

/** Goes on by the likeliest token. */
async function step(model: GPT, tracks: readonly Track[], hooks: Hooks | undefined): Promise<void> {
  const added = tracks.map(({ cache, id, text }) => ({ id, tokens: text.slice(cache.length(id)) }));
  (await scoresOf(model, tracks[0].cache, added, hooks)).forEach((scores, i) => {
    const [best, next] = [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
    tracks[i].text.push(best);
    tracks[i].generated.push(best);
    tracks[i].margins.push(scores[best] - scores[next]);
  });
}

/**
 * What each sequence becomes in some steps, in which one is forked, one is cut, and one ends. Together they share a cache and
 * a pass for each step; alone each has its own.
 */
export async function generateRagged(
  model: GPT, how: "together" | "alone", dtype: CacheDType, hooks?: Hooks,
): Promise<{ readonly generated: number[][]; readonly margin: number }> {
  const shared = how === "together" ? new KeyValueCache(config, { tokens: 26 * 48, dtype }) : undefined;
  const caches = new Set<KeyValueCache>();
  const start = (text: readonly number[]): Track => {
    const cache = shared ?? new KeyValueCache(config, { dtype });
    caches.add(cache);
    return { cache, id: cache.open(), text: [...text], generated: [], margins: [] };
  };
  const tracks = prompts.map(start);
  const running = [...tracks];
  for (let i = 0; i < 12; i++) {
    if (i === 4) {
      const { cache, id, text } = running[1];
      // The other one goes on with another token.
      const fork = start([...text.slice(0, -1), (text[text.length - 1] + 1) % vocabSize]);
      if (shared) {
        cache.release(fork.id);
        fork.id = cache.fork(id);
      }
      tracks.push(fork);
      running.push(fork);
    }
    if (i === 6) {
      const { cache, id, text } = running[4];
      text.splice(-9);
      cache.truncate(id, text.length - 1);
    }
    if (i === 8) {
      const [ended] = running.splice(2, 1);
      ended.cache.release(ended.id);
    }
    for (const group of shared ? [running] : running.map((track) => [track])) await step(model, group, hooks);
  }
  for (const cache of caches) cache.dispose();
  return { generated: tracks.map(({ generated }) => generated), margin: Math.min(...tracks.flatMap(({ margins }) => margins)) };
}
