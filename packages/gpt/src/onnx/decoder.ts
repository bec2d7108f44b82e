import type {
  AttentionConfig, BlockConfig, DenseConfig, ExpertsConfig, GatedConfig, GPTConfig, MLPConfig, NormConfig,
} from "../config.ts";
import type { GPT } from "../model.ts";
import { sinusoidalPositions } from "../positions.ts";
import { attention } from "./attention.ts";
import type { Cache, Sequences } from "./attention.ts";
import { Graph } from "./graph.ts";
import type { Weight } from "./graph.ts";
import { linear, norm, product, rowsOf } from "./layers.ts";
import type { Build } from "./layers.ts";
import { mlp } from "./mlp.ts";
import type { Value } from "./proto.ts";
import type { ReadableWeights } from "../model-weights.ts";
import { GraphWeights } from "./weights.ts";
import type { ONNXDType } from "./weights.ts";

/** A model as a graph, whose weights are apart. */
export interface Decoder {
  readonly graph: Uint8Array;
  readonly weights: readonly Weight[];
}

/**
 * The graph of a model, with inputs and outputs named as by Hugging Face's Optimum (exporters/onnx, TextDecoderOnnxConfig):
 *
 * - `input_ids`, `position_ids` `[batch_size, sequence_length]`, and `attention_mask` over the past too: 0 is padding;
 * - `past_key_values.N.key` and `.value`, `[batch_size, kvHeads, past_sequence_length, headDim]`, and `present.N` with the new ones behind;
 * - `logits` `[batch_size, sequence_length, vocabSize]`.
 *
 * Inside, tokens are rows, `[batch · tokens, dim]`: one product (Gemm) takes them, and the matrix as it lies, `[outputs, inputs]`.
 */
export function decoderOf(model: GPT, weights: ReadableWeights, dtype: ONNXDType): Decoder {
  const { config } = model;
  const graph = Graph.create();
  const build: Build = { graph, weights: new GraphWeights(model, weights, dtype) };
  const tokens = ["batch_size", "sequence_length"];
  const all = "past_sequence_length + sequence_length";
  const sequences: Sequences = {
    ids: "input_ids", positions: "position_ids", mask: "attention_mask", contextLength: config.contextLength,
  };
  const caches = config.blocks.map((_, i) => {
    const cache = (what: string): Cache => ({ past: `past_key_values.${i}.${what}`, present: `present.${i}.${what}` });
    return { key: cache("key"), value: cache("value") };
  });

  let x = graph.within("embed", () => embed(build, config, sequences));
  config.blocks.forEach(({ place, norm: normConfig, attention: attentionConfig, mlp: mlpConfig }, i) => {
    const path = `blocks.${i}`;
    const residual = (x: string, name: "attention" | "mlp", layer: (x: string, path: string) => string): string => {
      const normalized = (x: string): string => norm(build, x, `${path}.${name}Norm`, normConfig);
      return graph.within(`${path}.${name}`, () => {
        const sum = graph.node("Add", [x, layer(place === "pre" ? normalized(x) : x, `${path}.${name}`)]);
        return place === "pre" ? sum : normalized(sum);
      });
    };
    x = residual(x, "attention", (x, path) => attention(build, x, path, attentionConfig, sequences, caches[i]));
    x = residual(x, "mlp", (x, path) => mlp(build, x, path, mlpConfig));
  });
  graph.within("head", () => {
    if (config.finalNorm) x = norm(build, x, "finalNorm", config.finalNorm);
    const logits = config.head.type === "tied"
      ? product(graph, x, build.weights.matrix(graph, "tokenEmbedding.weight"))
      : linear(build, x, "head");
    const shape = graph.node("Concat", [graph.node("Shape", [sequences.ids]), graph.integers(-1)], { axis: 0 });
    graph.output("logits", "Reshape", [logits, shape]);
  });

  const inputs: Value[] = [
    { name: sequences.ids, type: "i64", shape: tokens },
    { name: sequences.mask, type: "i64", shape: ["batch_size", all] },
    { name: sequences.positions, type: "i64", shape: tokens },
  ];
  const outputs: Value[] = [{ name: "logits", type: "f32", shape: [...tokens, config.vocabSize] }];
  config.blocks.forEach(({ attention: { kvHeads, headDim } }, i) => {
    for (const { past, present } of [caches[i].key, caches[i].value]) {
      inputs.push({ name: past, type: "f32", shape: ["batch_size", kvHeads, "past_sequence_length", headDim] });
      outputs.push({ name: present, type: "f32", shape: ["batch_size", kvHeads, all, headDim] });
    }
  });
  return { graph: graph.finish("decoder", inputs, outputs), weights: graph.weights };
}

/** Token plus position vectors, `[batch · tokens, dim]`. */
function embed({ graph, weights }: Build, { positions, contextLength, dim }: GPTConfig, sequences: Sequences): string {
  const flat = (ids: string): string => graph.node("Reshape", [ids, graph.integers(-1)]);
  const tokens = rowsOf(graph, weights.matrix(graph, "tokenEmbedding.weight"), flat(sequences.ids));
  if (positions === "none") return tokens;
  const table = positions === "learned"
    ? weights.float(graph, "positionEmbedding.weight")
    : graph.weight({
        name: "positions", type: "f32", shape: [contextLength, dim],
        contents: () => [new Uint8Array(sinusoidalPositions(Array.from({ length: contextLength }, (_, i) => i), dim).buffer)],
      });
  return graph.node("Add", [tokens, graph.node("Gather", [table, flat(sequences.positions)], { axis: 0 })]);
}

type None<T extends never> = T;

/** Fields and kinds of parts that no graph has: this does not compile where a configuration has one that is not named here. */
export type NotInGraphs = [
  None<Exclude<keyof GPTConfig,
    "vocabSize" | "contextLength" | "dim" | "positions" | "blocks" | "finalNorm" | "head" | "embeddingDropout" | "initialStd">>,
  None<Exclude<keyof BlockConfig, "place" | "norm" | "attention" | "mlp" | "dropout">>,
  None<Exclude<keyof AttentionConfig,
    "heads" | "kvHeads" | "headDim" | "bias" | "outputBias" | "scale" | "window" | "headNorm" | "rotary" | "sinks" | "dropout">>,
  None<Exclude<keyof NormConfig, "type" | "epsilon">>,
  None<Exclude<keyof DenseConfig, "type" | "hiddenDim" | "activation" | "bias">>,
  None<Exclude<keyof GatedConfig, "type" | "hiddenDim" | "gate" | "bias">>,
  None<Exclude<keyof ExpertsConfig,
    "type" | "count" | "active" | "expert" | "routerBias" | "balanceLoss" | "zLoss">>,
  None<Exclude<GPTConfig["positions"], "learned" | "sinusoidal" | "none">>,
  // onnxFiles refuses classes.
  None<Exclude<GPTConfig["head"]["type"], "tied" | "linear" | "classes">>,
  None<Exclude<BlockConfig["place"], "pre" | "post">>,
  None<Exclude<NormConfig["type"], "layer" | "rms">>,
  None<Exclude<MLPConfig["type"], "dense" | "gated" | "experts">>,
];
