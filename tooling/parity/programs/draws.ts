import { broadcast, sameShape, sizeOf } from "./writer.ts";
import type { Slot, Writer } from "./writer.ts";

/** Writes one op with random inputs and arguments; nothing where it does not fit what there is. */
export type Draw = (writer: Writer) => void;

const unary = (op: string): Draw => (writer) => {
  const x = writer.any();
  writer.emit(op, [x], {}, x.shape);
};

/** An op of positive numbers: mostly it gets such. */
const ofPositive = (op: string): Draw => (writer) => {
  const x = writer.random.chance(0.8) ? positive(writer) : writer.any();
  writer.emit(op, [x], {}, x.shape);
};

function positive(writer: Writer): Slot {
  const x = writer.any();
  const size = writer.emit("abs", [x], {}, x.shape);
  return writer.emit("add", [size], { number: 0.25, side: "right" }, x.shape);
}

const binary = (op: string, isConstant = false): Draw => (writer) => {
  const { random } = writer;
  const a = writer.any();
  if (random.chance(0.2)) {
    const args = { number: writer.number(), side: random.pick(["left", "right"]) };
    writer.emit(op, [a], args, a.shape, { isConstant });
    return;
  }
  const b = random.chance(0.08) ? a : writer.broadcasting(a.shape);
  const pair = random.chance(0.5) ? [a, b] : [b, a];
  writer.emit(op, pair, {}, broadcast(a.shape, b.shape)!, { isConstant });
};

const pow: Draw = (writer) => {
  const { random } = writer;
  const a = random.chance(0.7) ? positive(writer) : writer.any();
  if (random.chance(0.5)) {
    const number = random.pick([2, 3, 0.5, -1, 0, 1, -2, 1.5]);
    writer.emit("pow", [a], { number, side: random.chance(0.8) ? "right" : "left" }, a.shape);
    return;
  }
  const b = writer.broadcasting(a.shape);
  writer.emit("pow", [a, b], {}, broadcast(a.shape, b.shape)!);
};

const where: Draw = (writer) => {
  const { random } = writer;
  const likeness = writer.any();
  const other = random.chance(0.5) ? writer.broadcasting(likeness.shape) : undefined;
  const condition = other
    ? writer.emit("less", [likeness, other], {}, broadcast(likeness.shape, other.shape)!, { isConstant: true })
    : writer.emit("less", [likeness], { number: 0.25, side: "left" }, likeness.shape, { isConstant: true });
  const inputs = [condition];
  let shape = condition.shape;
  const args: Record<string, unknown> = {};
  for (const name of ["a", "b"]) {
    if (random.chance(0.25)) {
      args[name] = writer.number();
      continue;
    }
    const operand = writer.broadcasting(shape);
    inputs.push(operand);
    shape = broadcast(shape, operand.shape)!;
  }
  writer.emit("where", inputs, args, shape, { isConstant: inputs.length === 1 });
};

const reduction = (op: string): Draw => (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => op === "sum" || sizeOf(shape) > 0);
  const axes = x.shape.map((_, axis) => axis);
  const chosen = random.chance(0.3) ? axes : random.shuffle(axes).slice(0, random.whole(0, axes.length));
  const keepDims = random.chance(0.3);
  const args = {
    ...(chosen === axes ? {} : { axis: chosen.map((axis) => (random.chance(0.3) ? axis - axes.length : axis)) }),
    ...(keepDims ? { keepDims } : {}),
  };
  const shape = x.shape.flatMap((size, axis) => (!chosen.includes(axis) ? [size] : keepDims ? [1] : []));
  writer.emit(op, [x], args, shape);
};

const argmax: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => sizeOf(shape) > 0);
  const rank = x.shape.length;
  const chosen = rank === 0 || random.chance(0.2) ? undefined : random.whole(0, rank - 1);
  const keepDims = random.chance(0.3);
  const args = {
    ...(chosen === undefined ? {} : { axis: random.chance(0.5) ? chosen - rank : chosen }),
    ...(keepDims ? { keepDims } : {}),
  };
  const isReduced = (axis: number): boolean => chosen === undefined || axis === chosen;
  const shape = x.shape.flatMap((size, axis) => (!isReduced(axis) ? [size] : keepDims ? [1] : []));
  const best = writer.emit("argmax", [x], args, shape, { dtype: "i32" });
  if (random.chance(0.5)) writer.emit("cast", [best], { dtype: "f32" }, best.shape, { isConstant: true });
};

const cast: Draw = (writer) => {
  const x = writer.any();
  const whole = writer.emit("cast", [x], { dtype: "i32" }, x.shape, { dtype: "i32" });
  writer.emit("cast", [whole], { dtype: "f32" }, x.shape, { isConstant: true });
};

const reshape: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any();
  const size = sizeOf(x.shape);
  const shape = size === 0 ? [0, random.whole(0, 3)] : shapeOf(writer, size);
  const infers = size > 0 && shape.length > 0 && random.chance(0.3);
  const asked = infers ? shape.with(random.whole(0, shape.length - 1), -1) : shape;
  writer.emit("reshape", [x], { shape: asked }, shape, { viewOf: x });
};

/** A shape of so many elements: the prime factors of their number, each on one of the axes. */
function shapeOf({ random }: Writer, size: number): number[] {
  const shape = Array.from({ length: random.whole(size === 1 ? 0 : 1, 4) }, () => 1);
  for (let factor = 2, rest = size; rest > 1; ) {
    if (rest % factor === 0) {
      shape[random.whole(0, shape.length - 1)] *= factor;
      rest /= factor;
    } else factor++;
  }
  return shape;
}

const permute: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any();
  const rank = x.shape.length;
  const axes = random.shuffle(x.shape.map((_, axis) => axis));
  const args = { axes: axes.map((axis) => (random.chance(0.2) ? axis - rank : axis)) };
  writer.emit("permute", [x], args, axes.map((axis) => x.shape[axis]), { viewOf: x });
};

const transpose: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => shape.length > 0);
  const [first, second] = [random.whole(-x.shape.length, x.shape.length - 1), random.whole(0, x.shape.length - 1)];
  const shape = [...x.shape];
  const positive = first < 0 ? first + shape.length : first;
  [shape[positive], shape[second]] = [shape[second], shape[positive]];
  writer.emit("transpose", [x], { first, second }, shape, { viewOf: x });
};

const expand: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any();
  const more = Math.max(0, Math.min(2, 4 - x.shape.length));
  const lead = Array.from({ length: random.whole(0, more) }, () => random.whole(1, 4));
  const shape = [...lead, ...x.shape.map((size) => (size === 1 && random.chance(0.7) ? random.whole(2, 5) : size))];
  if (sizeOf(shape) <= writer.largest) writer.emit("expand", [x], { shape }, shape, { viewOf: x, isExpanded: true });
};

const slice: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => shape.length > 0);
  const axis = random.whole(0, x.shape.length - 1);
  const length = x.shape[axis];
  const from = random.whole(0, random.chance(0.1) ? length : Math.max(0, length - 1));
  const to = random.whole(Math.min(from + 1, length), length);
  const fromEnd = (place: number): number => (place > 0 && place < length && random.chance(0.3) ? place - length : place);
  const args = { axis, start: fromEnd(from), ...(to === length && random.chance(0.7) ? {} : { end: fromEnd(to) }) };
  writer.emit("slice", [x], args, x.shape.with(axis, to - from), { viewOf: x });
};

const concat: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => shape.length > 0);
  const axis = random.whole(0, x.shape.length - 1);
  const rest = x.shape.with(axis, 0);
  const inputs = [x];
  for (let count = random.whole(0, 2); count > 0; count--) {
    const fits = writer.usable().filter(({ shape }) => shape.length > axis && sameShape(shape.with(axis, 0), rest));
    inputs.push(random.chance(0.6) ? random.pick(fits) : writer.fresh(x.shape.with(axis, random.whole(1, 4))));
  }
  const shape = x.shape.with(axis, inputs.reduce((total, input) => total + input.shape[axis], 0));
  if (sizeOf(shape) > writer.largest) return;
  writer.emit("concat", random.shuffle(inputs), { axis: random.chance(0.3) ? axis - x.shape.length : axis }, shape);
};

const split: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => shape.some((size) => size > 0));
  const axis = random.pick([...x.shape.keys()].filter((axis) => x.shape[axis] > 0));
  const length = x.shape[axis];
  const size = random.whole(1, length);
  const sizes = Array.from({ length: Math.ceil(length / size) }, (_, i) => Math.min(size, length - i * size));
  const given = random.chance(0.5) ? size : random.shuffle(sizes);
  const part = random.whole(0, sizes.length - 1);
  const shape = x.shape.with(axis, typeof given === "number" ? sizes[part] : given[part]);
  writer.emit("split", [x], { sizes: given, axis: random.chance(0.3) ? axis - x.shape.length : axis, part }, shape, { viewOf: x });
};

const stack: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => shape.length < 4);
  const inputs = [x, ...Array.from({ length: random.whole(0, 2) }, () => writer.shaped(x.shape))];
  const axis = random.whole(0, x.shape.length);
  const shape = x.shape.toSpliced(axis, 0, inputs.length);
  if (sizeOf(shape) > writer.largest) return;
  writer.emit("stack", random.shuffle(inputs), { axis: random.chance(0.3) ? axis - shape.length : axis }, shape);
};

const contiguous: Draw = (writer) => {
  // What is dense is returned as it is, with its tape, under noGrad too.
  if (writer.noGrad) return;
  const x = writer.any();
  writer.emit("contiguous", [x], {}, x.shape, { viewOf: x });
};

const detach: Draw = (writer) => {
  const x = writer.any();
  writer.emit("detach", [x], {}, x.shape, { viewOf: x, isConstant: true });
};

const copyInto: Draw = (writer) => {
  const targets = writer.writable();
  if (targets.length === 0) return;
  const target = writer.random.pick(targets);
  writer.act("copyInto", [target, writer.shaped(target.shape)]);
};

const matmul: Draw = (writer) => {
  const { random } = writer;
  const a = writer.any(({ shape }) => shape.length >= 2);
  const [rows, inner] = a.shape.slice(-2);
  const lead = a.shape.slice(0, -2);
  const fits = writer.usable().filter(({ shape }) => {
    const common = shape.length >= 2 && shape.at(-2) === inner && broadcast(shape.slice(0, -2), lead);
    return common && sizeOf(common) * rows * shape.at(-1)! <= writer.largest;
  });
  const columns = writer.size();
  const others = random.chance(0.5) ? [] : lead.map((size) => (random.chance(0.3) ? 1 : size));
  if (sizeOf(lead) * rows * columns > writer.largest) return;
  const b = fits.length > 0 && random.chance(0.5) ? random.pick(fits) : matrixOf(writer, others, inner, columns);
  writer.emit("matmul", [a, b], {}, [...broadcast(lead, b.shape.slice(0, -2))!, rows, b.shape.at(-1)!]);
};

/** A new matrix, sometimes transposed in memory. */
function matrixOf(writer: Writer, lead: readonly number[], rows: number, columns: number): Slot {
  if (writer.random.chance(0.6)) return writer.fresh([...lead, rows, columns]);
  const x = writer.fresh([...lead, columns, rows]);
  return writer.emit("transpose", [x], { first: -2, second: lead.length + 1 }, [...lead, rows, columns], { viewOf: x });
}

const linear: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => shape.length > 0);
  const [inputs, outputs] = [x.shape.at(-1)!, writer.size()];
  const shape = [...x.shape.slice(0, -1), outputs];
  if (sizeOf(shape) > writer.largest) return;
  const [bias, residual] = [random.chance(0.6), random.chance(0.3)];
  const activation = random.pick([undefined, undefined, "gelu", "relu", "silu"]);
  const operands = [
    x,
    matrixOf(writer, [], outputs, inputs),
    ...(bias ? [writer.shaped([outputs])] : []),
    ...(residual ? [writer.shaped(shape)] : []),
  ];
  const args = { ...(bias ? { bias } : {}), ...(residual ? { residual } : {}), ...(activation ? { activation } : {}) };
  writer.emit("linear", operands, args, shape);
};

const embedding: Draw = (writer) => {
  const table = writer.any(({ shape }) => shape.length === 2 && shape[0] > 0);
  const ids = writer.ids(writer.shape(writer.random.whole(0, 2), 12), table.shape[0]);
  writer.emit("embedding", [table, ids], {}, [...ids.shape, table.shape[1]]);
};

/** Some elements along an axis of a tensor, by ids. */
function drawPlaces(writer: Writer): { x: Slot; ids: Slot; axis: number } | undefined {
  const { random } = writer;
  const x = writer.any(({ shape }) => shape.some((size) => size > 0));
  const axis = random.pick([...x.shape.keys()].filter((axis) => x.shape[axis] > 0));
  const shape = x.shape.with(axis, random.whole(1, 5));
  if (sizeOf(shape) > Math.min(writer.largest, 2000)) return undefined;
  return { x, ids: writer.ids(shape, x.shape[axis]), axis: random.chance(0.3) ? axis - x.shape.length : axis };
}

const gather: Draw = (writer) => {
  const drawn = drawPlaces(writer);
  if (drawn) writer.emit("gather", [drawn.x, drawn.ids], { axis: drawn.axis }, drawn.ids.shape);
};

const scatterAdd: Draw = (writer) => {
  const drawn = drawPlaces(writer);
  if (!drawn) return;
  const { x, ids, axis } = drawn;
  writer.emit("scatterAdd", [x, ids, writer.shaped(ids.shape)], { axis }, x.shape);
};

const crossEntropy: Draw = (writer) => {
  const { random } = writer;
  const logits = writer.any(({ shape }) => shape.length > 0 && shape.at(-1)! > 0);
  const ignored = random.pick([undefined, -100, 0]);
  const targets = writer.ids(logits.shape.slice(0, -1), logits.shape.at(-1)!, ignored);
  const how = random.pick([undefined, "mean", "sum", "none"]);
  const args = { ...(ignored === undefined ? {} : { ignoreIndex: ignored }), ...(how ? { reduction: how } : {}) };
  writer.emit("crossEntropy", [logits, targets], args, how === "none" ? targets.shape : []);
};

const linearCrossEntropy: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => shape.length > 0);
  const classes = Math.max(1, writer.size());
  const weight = writer.shaped([classes, x.shape.at(-1)!]);
  const ignored = random.pick([undefined, -100]);
  const targets = writer.ids(x.shape.slice(0, -1), classes, ignored);
  const how = random.pick([undefined, "mean", "sum"]);
  // The sum of very many chunks is off by more than one of few.
  const chunkRows = random.pick([undefined, 1, 2, 3].filter((rows) => !rows || targets.shape.reduce((a, b) => a * b, 1) <= 256 * rows));
  const args = { ...(how ? { reduction: how } : {}), ...(chunkRows ? { chunkRows } : {}) };
  writer.emit("linearCrossEntropy", [x, weight, targets], args, []);
};

const layerNorm: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => shape.length > 0 && shape.at(-1)! > 0);
  const width = x.shape.at(-1)!;
  const epsilon = random.pick([undefined, 1e-5, 1e-3, 0.5]);
  const inputs = [x, writer.shaped([width]), writer.shaped([width])];
  writer.emit("layerNorm", inputs, epsilon === undefined ? {} : { epsilon }, x.shape);
};

const rmsNorm: Draw = (writer) => {
  const x = writer.any(({ shape }) => shape.length > 0 && shape.at(-1)! > 0);
  const epsilon = writer.random.pick([undefined, 1e-5, 1e-3, 0.5]);
  writer.emit("rmsNorm", [x, writer.shaped([x.shape.at(-1)!])], epsilon === undefined ? {} : { epsilon }, x.shape);
};

const rotary: Draw = (writer) => {
  const { random } = writer;
  const [tokens, heads, headDim] = [random.whole(1, 5), random.whole(0, 3), 2 * random.whole(1, 3)];
  const x = writer.shaped([tokens, heads * headDim + random.pick([0, 0, 1, headDim])]);
  const source = writer.shaped([random.whole(1, 6), headDim]);
  const table = writer.emit("detach", [source], {}, source.shape, { viewOf: source, isConstant: true });
  const positions = writer.ids([tokens], table.shape[0]);
  writer.emit("rotary", [x, table, positions], { heads, headDim }, x.shape);
};

const gated: Draw = (writer) => {
  const { random } = writer;
  const isEven = ({ shape }: Pick<Slot, "shape">): boolean => shape.length > 0 && shape.at(-1)! % 2 === 0;
  const x = random.chance(0.5) ? writer.any(isEven) : writer.shaped([random.whole(1, 4), 2 * random.whole(1, 4)]);
  const gate = random.pick(["silu", undefined, { alpha: 1.702, limit: 7 }, { alpha: 0.5, limit: 0.75 }]);
  writer.emit("gated", [x], gate ? { gate } : {}, x.shape.with(-1, x.shape.at(-1)! / 2));
};

const topK: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => shape.length > 0 && shape.at(-1)! > 0);
  const k = random.whole(1, Math.min(4, x.shape.at(-1)!));
  const part = random.pick(["values", "values", "indices"]);
  writer.emit("topK", [x], { k, part }, x.shape.with(-1, k), part === "indices" ? { dtype: "i32" } : {});
};

const groupedLinear: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any(({ shape }) => shape.length === 2);
  const [rows, inputs] = x.shape;
  const [layers, outputs] = [random.whole(1, 3), random.whole(1, 6)];
  if (layers * outputs * inputs > writer.largest || rows * outputs > writer.largest) return;
  const bias = random.chance(0.6);
  const operands = [x, writer.shaped([layers, outputs, inputs]), ...(bias ? [writer.shaped([layers, outputs])] : [])];
  writer.emit("groupedLinear", [...operands, writer.ids([rows], layers)], bias ? { bias } : {}, [rows, outputs]);
};

const overRows = (op: string): Draw => (writer) => {
  const x = writer.any(({ shape }) => shape.length > 0);
  writer.emit(op, [x], {}, x.shape);
};

const attention: Draw = (writer) => {
  const { random } = writer;
  const kvHeads = random.pick([1, 1, 2, 3]);
  const heads = kvHeads * random.pick([1, 1, 2]);
  const headDim = random.pick([1, 2, 3, 4, 5, 8]);
  const [sequences, sequenceLength] = [random.whole(1, 3), random.whole(1, writer.largest > 1000 ? 40 : 6)];
  const qkv = writer.shaped([sequences * sequenceLength, (heads + 2 * kvHeads) * headDim]);
  const causal = random.chance(0.75);
  const args = {
    heads,
    headDim,
    sequenceLength,
    ...(kvHeads === heads ? {} : { kvHeads }),
    ...(causal ? {} : { causal }),
    ...(causal && random.chance(0.3) ? { window: random.whole(1, 5) } : {}),
    ...(random.chance(0.2) ? { scale: 0.5 } : {}),
  };
  const sinks = random.chance(0.25) ? [writer.shaped([heads])] : [];
  writer.emit("attention", [qkv, ...sinks], args, [qkv.shape[0], heads * headDim]);
};

const dropout: Draw = (writer) => {
  const { random } = writer;
  const x = writer.any();
  const key = { seed: [random.whole(0, 2 ** 31), random.whole(0, 5)], stream: [random.whole(0, 9), 0] };
  writer.emit("dropout", [x], { probability: random.pick([0, 0.1, 0.5, 0.9]), key }, x.shape);
};

const norm: Draw = (writer) => {
  writer.emit("norm", [writer.any()], {}, [], { isConstant: true });
};

const penalizeRepeats: Draw = (writer) => {
  const logits = writer.any(({ shape }) => shape.length > 0 && shape.at(-1)! > 0);
  const ids = writer.ids([writer.random.whole(0, 3)], logits.shape.at(-1)!);
  writer.emit("penalizeRepeats", [logits, ids], { penalty: writer.random.pick([1, 1.25, 2, 0.5]) }, logits.shape);
};

const adamwStep: Draw = (writer) => {
  const { random } = writer;
  // A bucket is dense: no view of something else.
  const isBucket = ({ shape, storage, id }: Slot): boolean => shape.length === 1 && shape[0] > 0 && storage === id;
  const targets = writer.writable().filter(isBucket);
  if (targets.length === 0) return;
  const parameters = random.pick(targets);
  const { shape } = parameters;
  const noGrad = writer.noGrad;
  writer.noGrad = true;
  const gradients = writer.shaped(shape);
  const first = writer.fresh(shape);
  const second = writer.fresh(shape, () => random.whole(0, 100) / 64);
  const scale = writer.fresh([], () => random.whole(0, 8) / 8);
  writer.noGrad = noGrad;
  if (gradients.storage === parameters.storage) return;
  const middle = random.whole(0, shape[0]);
  const ranges = [{ start: 0, end: middle, weightDecay: 0.1 }, { start: middle, end: shape[0], weightDecay: 0 }];
  const args = { ranges, learningRate: 0.125, beta1: 0.75, beta2: 0.875, epsilon: 2 ** -20, step: random.whole(1, 4) };
  writer.act("adamwStep", [parameters, gradients, first, second, scale], args);
};

/** The gradient of a leaf as a tensor, to go on with. */
const gradient: Draw = (writer) => {
  const leaves = writer.leaves();
  if (leaves.length === 0) return;
  const leaf = writer.random.pick(leaves);
  writer.emit("gradient", [leaf], { scale: writer.random.pick([1, -0.5]) }, leaf.shape, { isConstant: true });
};

/** How an op is drawn, and how often. */
export const draws: Readonly<Record<string, readonly [weight: number, draw: Draw]>> = {
  neg: [1, unary("neg")],
  abs: [1, unary("abs")],
  sign: [0.5, unary("sign")],
  relu: [1, unary("relu")],
  sqrt: [1, ofPositive("sqrt")],
  rsqrt: [0.7, ofPositive("rsqrt")],
  exp: [1, unary("exp")],
  log: [1, ofPositive("log")],
  sin: [1, unary("sin")],
  cos: [1, unary("cos")],
  erfc: [0.7, unary("erfc")],
  tanh: [1, unary("tanh")],
  sigmoid: [1, unary("sigmoid")],
  gelu: [1, unary("gelu")],
  silu: [1, unary("silu")],
  add: [2, binary("add")],
  sub: [1.5, binary("sub")],
  mul: [2, binary("mul")],
  div: [1.5, binary("div")],
  pow: [1.5, pow],
  maximum: [1, binary("maximum")],
  minimum: [1, binary("minimum")],
  equal: [0.5, binary("equal", true)],
  less: [0.5, binary("less", true)],
  greater: [0.5, binary("greater", true)],
  where: [1.5, where],
  sum: [1.5, reduction("sum")],
  mean: [1.5, reduction("mean")],
  max: [1.5, reduction("max")],
  min: [1, reduction("min")],
  argmax: [0.7, argmax],
  cast: [0.5, cast],
  reshape: [1.5, reshape],
  permute: [1.5, permute],
  transpose: [1.5, transpose],
  expand: [1.5, expand],
  slice: [2, slice],
  concat: [1.5, concat],
  split: [1, split],
  stack: [1, stack],
  contiguous: [0.7, contiguous],
  detach: [0.5, detach],
  copyInto: [1, copyInto],
  matmul: [2.5, matmul],
  linear: [2.5, linear],
  embedding: [1.5, embedding],
  gather: [1, gather],
  scatterAdd: [1, scatterAdd],
  crossEntropy: [1.5, crossEntropy],
  linearCrossEntropy: [1.5, linearCrossEntropy],
  layerNorm: [2, layerNorm],
  rmsNorm: [1.5, rmsNorm],
  rotary: [1, rotary],
  gated: [1, gated],
  topK: [1, topK],
  groupedLinear: [1, groupedLinear],
  softmax: [1.5, overRows("softmax")],
  logSoftmax: [1.5, overRows("logSoftmax")],
  attention: [2, attention],
  dropout: [1, dropout],
  norm: [0.5, norm],
  penalizeRepeats: [0.7, penalizeRepeats],
  adamwStep: [1, adamwStep],
  gradient: [0.5, gradient],
};
