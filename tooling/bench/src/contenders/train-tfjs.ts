import type { Tensor, Tensor2D, Variable } from "@tensorflow/tfjs";
import { serve } from "../harness/serve.ts";
import { timeCalls } from "../harness/time-calls.ts";
import { randomWeights } from "../models/weights.ts";
import { startTensorFlow } from "./tfjs-backend.ts";
import { keptLosses } from "./training.ts";
import type { TrainingResult, TrainingSetup, TrainingTask } from "./training.ts";

/** The training step of @gpt/gpt in TensorFlow.js, whose backend has no gradient of a gather: ids are one-hot rows. */
await serve<TrainingSetup, TrainingTask>(async (setup) => {
  const { config, batch, context, tokens, optimizer: settings } = setup;
  const { blocks, dim, vocabSize } = config;
  const [{ norm: { epsilon }, attention: { heads, headDim } }] = blocks;
  const { tf, version } = await startTensorFlow(setup.threads);

  const variables = new Map<string, Variable>();
  for (const weight of setup.parameters) {
    variables.set(weight.path, tf.variable(tf.tensor(randomWeights(weight), [...weight.shape]), true, weight.path));
  }
  const parameter = (path: string): Variable => {
    const found = variables.get(path);
    if (!found) throw new Error(`there is no weight ${path}`);
    return found;
  };
  const oneHot = (ids: readonly number[]): Tensor2D =>
    tf.oneHot(tf.tensor1d([...ids], "int32"), vocabSize).toFloat() as Tensor2D;
  const [ids, targets] = [oneHot(tokens.slice(0, -1)), oneHot(tokens.slice(1))];
  const mask = tf.tensor2d(
    Array.from({ length: context }, (_, i) => Array.from({ length: context }, (_, j) => (j > i ? -1e9 : 0))),
  );

  const linear = (x: Tensor, path: string): Tensor =>
    tf.add(tf.matMul(x, parameter(`${path}.weight`), false, true), parameter(`${path}.bias`));
  const layerNorm = (x: Tensor, path: string): Tensor => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const std = tf.sqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
    return tf.add(tf.mul(tf.div(centred, std), parameter(`${path}.weight`)), parameter(`${path}.bias`));
  };
  const gelu = (x: Tensor): Tensor => {
    const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
    return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
  };
  const attention = (x: Tensor, path: string): Tensor => {
    const split = tf.split(linear(x, `${path}.qkv`), 3, 1);
    const [q, k, v] = split.map((part) =>
      tf.transpose(tf.reshape(part, [batch, context, heads, headDim]), [0, 2, 1, 3]),
    );
    const scores = tf.add(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(headDim)), mask);
    const gathered = tf.transpose(tf.matMul(tf.softmax(scores), v), [0, 2, 1, 3]);
    return linear(tf.reshape(gathered, [batch * context, dim]), `${path}.projection`);
  };
  const table = parameter("tokenEmbedding.weight") as unknown as Tensor2D;
  const loss = (): Tensor => {
    const embedded = tf.reshape(tf.matMul(ids, table), [batch, context, dim]);
    const positions = tf.slice(parameter("positionEmbedding.weight"), [0, 0], [context, dim]);
    let x: Tensor = tf.reshape(tf.add(embedded, positions), [batch * context, dim]);
    for (let layer = 0; layer < blocks.length; layer++) {
      const path = `blocks.${layer}`;
      x = tf.add(x, attention(layerNorm(x, `${path}.attentionNorm`), `${path}.attention`));
      const hidden = gelu(linear(layerNorm(x, `${path}.mlpNorm`), `${path}.mlp.up`));
      x = tf.add(x, linear(hidden, `${path}.mlp.down`));
    }
    const logits = tf.matMul(layerNorm(x, "finalNorm"), table, false, true);
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), targets), -1)));
  };

  const moments = new Map(
    Array.from(variables, ([path, variable]) => [path, [1, 2].map(() => tf.variable(tf.zerosLike(variable)))]),
  );
  const losses: number[] = [];
  let count = 0;
  const step = async (): Promise<void> => {
    count++;
    const value = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => loss().asScalar());
      const norm = tf.sqrt(tf.addN(Object.values(grads).map((grad) => tf.sum(tf.square(grad)))));
      const scale = tf.minimum(tf.div(settings.clip, tf.add(norm, 1e-6)), 1);
      for (const [path, variable] of variables) update(path, variable, tf.mul(grads[path], scale));
      return value;
    });
    const [number] = await value.data();
    value.dispose();
    if (losses.length < keptLosses) losses.push(number);
  };
  /** AdamW, of one parameter. */
  const update = (path: string, variable: Variable, grad: Tensor): void => {
    const { learningRate, beta1, beta2, epsilon, weightDecay } = settings;
    const [first, second] = moments.get(path) as Variable[];
    first.assign(tf.add(tf.mul(first, beta1), tf.mul(grad, 1 - beta1)));
    second.assign(tf.add(tf.mul(second, beta2), tf.mul(tf.square(grad), 1 - beta2)));
    const root = tf.add(tf.sqrt(tf.div(second, 1 - beta2 ** count)), epsilon);
    const change = tf.mul(tf.div(first, root), learningRate / (1 - beta1 ** count));
    const decay = variable.rank >= 2 ? 1 - learningRate * weightDecay : 1;
    variable.assign(tf.sub(tf.mul(variable, decay), change));
  };
  return {
    version,
    async run({ milliseconds }): Promise<TrainingResult> {
      const times = await timeCalls(milliseconds, step);
      return { times, losses, peakBytes: process.resourceUsage().maxRSS * 1024 };
    },
  };
});
