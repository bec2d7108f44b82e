import type { DevicePlan, RunningSplit, Split, TrainingSplit } from "@gpt/gpt";
import { formatBytes, formatCount } from "../format.ts";
import { formatRows } from "./rows.ts";
import type { Row } from "./rows.ts";

/** The proposed splits of a model across devices of a given memory, as text. */
export function formatDevices(plan: DevicePlan, layers: number, columns: number | undefined): string {
  const { devices, deviceBytes, training, running } = plan;
  const rows = (...rows: Row[]): string => formatRows(rows, columns);
  const empty: Row = ["", ""];
  const cached = `keys and values of ${batchText(plan)} a copy`;
  const isAlone = devices === 1;
  return [
    rows(empty, ["devices", `${formatCount(devices)} of ${formatBytes(deviceBytes)}`]),
    rows(["  to train", `${trainingText(plan)}; AdamW in mixed precision, bf16 and f32, ${batchText(plan)} at once on a device`]),
    training.length > 0 && !isAlone ? `\n${trainingTable(training)}\n${rows(...explanations(plan, layers))}` : "",
    training.length > 0 ? rows([isAlone ? "  device" : "  first, unshared", partsText(training[0])], ...(isAlone ? [] : [empty])) : "",
    rows(["  to run", running.length > 0 ? `with ${cached}` : `does not fit in any dtype, with ${cached}`]),
    running.length > 0 ? `\n${runningTable(running)}` : "",
  ].join("");
}

function trainingText({ devices, deviceBytes, training, needed, tensorSplits }: DevicePlan): string {
  if (training.length > 0) return training.length === 1 ? "fits" : `fits in ${training.length} ways`;
  const { plain, sharded } = needed;
  const counts = [plain, sharded].filter((count) => count !== undefined);
  if (counts.length > 0) return `does not fit: it needs at least ${formatCount(Math.min(...counts))} devices of this memory, not ${formatCount(devices)}`;
  const parts = tensorSplits[tensorSplits.length - 1];
  return (
    `does not fit, however many there are: of layers in ${formatCount(parts)} parts and a stage for each, ` +
    `a device holds ${formatBytes(needed.deviceBytes)} beside the optimizer's state, and has ${formatBytes(deviceBytes)}`
  );
}

function batchText({ batch, context }: DevicePlan): string {
  return `${formatCount(batch)} × ${formatCount(context)} tokens`;
}

function splitText({ tensor, pipeline, data }: Split): string {
  return `${tensor} × ${pipeline} × ${data}`;
}

/** Narrow enough for 40 columns. */
function trainingTable(splits: readonly TrainingSplit[]): string {
  const lines = splits.map((split) => [
    splitText(split), split.fits ? formatBytes(split.device.total) : "too much", formatBytes(split.shardedBytes), formatCount(split.idle),
  ]);
  return [["split", "a device", "shared", "idle"], ...lines]
    .map(([split, plain, shared, idle]) => `  ${split.padEnd(14)}${plain.padStart(9)}${shared.padStart(9)}${idle.padStart(5)}\n`)
    .join("");
}

function runningTable(splits: readonly RunningSplit[]): string {
  const lines = splits.map((split) => [split.dtype, splitText(split), formatBytes(split.device.total)]);
  return [["dtype", "split", "a device"], ...lines]
    .map(([dtype, split, bytes]) => `  ${dtype.padEnd(7)}${split.padEnd(16)}${bytes.padStart(9)}\n`)
    .join("");
}

/** Of the first split, without sharing. */
function partsText({ device: { total, ...parts } }: TrainingSplit): string {
  return `${formatBytes(total)}: ${Object.entries(parts).map(([part, bytes]) => `${part} ${formatBytes(bytes)}`).join(", ")}`;
}

function explanations({ tensorSplits }: DevicePlan, layers: number): Row[] {
  return [
    ["  split", "tensor × pipeline × data; the first takes the fewest devices a copy"],
    ["  tensor", `parts of each layer, of its heads and its feed-forward layer or experts: ${tensorSplits.join(", ")} divide them; more than 8 would leave a server`],
    ["  pipeline", `stages of the ${formatCount(layers)} layers; with 4 times as many batches a step as stages, they idle for up to a fifth of it`],
    ["  data", "copies that take other sequences: as many as the devices are enough for"],
    ["  shared", "the same where copies share the optimizer's state (ZeRO 1)"],
  ];
}
