import { printable } from "@gpt/tensor";
import type { ExpertsReport } from "@gpt/train";
import { formatCount, formatDuration, formatMetric } from "../format.ts";
import type { Size } from "../output.ts";
import { styled } from "../style.ts";
import type { Style } from "../style.ts";
import { columnsOf, cutToColumns, endInColumns, onOneLine } from "../terminal-text.ts";
import { drawChart } from "./chart.ts";
import type { ChartData, Series } from "./chart.ts";

/** What the live view shows of a run. */
export interface Progress extends ChartData {
  /** Steps taken. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradientNorm: number;
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
  /** Of a mixture of experts: how its experts are used. */
  readonly experts?: ExpertsReport;
  /** How much of the running evaluation is done, from 0 to 1. */
  readonly evaluated?: number;
  /** What else the last evaluation measured, by name. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** What the model wrote or answered after evaluations, by step; undefined where it does nothing of that kind. */
  readonly samples?: readonly Sample[];
  /** What it was asked: a line for each, above the samples. */
  readonly asked?: TaskSample["asked"];
}

/** What a model made of an example of its validation data. */
export interface TaskSample {
  /** The question and the answer that is wanted, by names. */
  readonly asked: Readonly<Record<string, string>>;
  /** Its answer. */
  readonly answered: Readonly<Record<string, string | number>>;
  /** The same on a line. */
  readonly shown: string;
  readonly isRight: boolean;
}

export interface Sample {
  readonly step: number;
  readonly text: string;
}

/** A part of the status line. */
export interface Field {
  readonly text: string;
  /** The lower, the longer it stays where there is little room. */
  readonly priority: number;
  readonly style?: Style;
}

const styles = { training: "cyan", validation: "magenta", floor: "dim" } as const satisfies Record<Series, Style>;
const separator = " · ";
/** Characters and lines of a chart that says anything; smaller terminals have the status line alone. */
const minColumns = 20;
const minRows = 3;
/** The most samples that are shown. */
export const maxSamples = 8;
/** Columns for the time left, beside a bar that is at least as long. */
const timeColumns = 18;

/**
 * The lines of the live view for a terminal, none of which is longer than that is wide, and which together leave one
 * line to the cursor: a chart as large as there is room for, a bar, the status, and samples.
 */
export function layOut(progress: Progress, { columns, rows }: Size): string[] {
  const width = columns - 1;
  const { samples, asked } = progress;
  const labelled = Math.max(lossColumns, formatCount(progress.steps).length);
  const margin = labelled + " │".length;
  const chartColumns = width - margin;
  // The status, the cursor, a blank line at the top, the bar.
  const free = rows - 4;
  const sampleRows = samples ? Math.min(maxSamples, Math.max(1, Math.floor(free / 5))) : 0;
  const chartRows = oddAtMost(free - sampleRows);
  if (chartColumns < minColumns || chartRows < minRows) {
    const status = statusLine([...fields(progress), timeField(progress)], width);
    return [status, ...sampleLines(samples, undefined, rows > 2 ? 1 : 0, labelled, width)];
  }
  const hasTime = chartColumns >= 2 * timeColumns;
  const barColumns = chartColumns - (hasTime ? timeColumns : 0);
  const indent = " ".repeat(margin);
  return [
    "",
    ...chartLines(progress, labelled, chartColumns, chartRows),
    `${indent}${bar(progress, barColumns)}${hasTime ? `  ${timeField(progress).text}` : ""}`,
    `${indent}${statusLine(hasTime ? fields(progress) : [...fields(progress), timeField(progress)], chartColumns)}`,
    ...sampleLines(samples, asked, sampleRows, labelled, width),
  ];
}

/** Those of `fields` that fit into `columns` together, by priority; the first by priority in any case. */
export function fitFields(fields: readonly Field[], columns: number): Field[] {
  const chosen = new Set<Field>();
  let length = -separator.length;
  for (const field of [...fields].sort((a, b) => a.priority - b.priority)) {
    length += separator.length + columnsOf(field.text);
    if (length > columns && chosen.size > 0) break;
    chosen.add(field);
  }
  return fields.filter((field) => chosen.has(field));
}

function statusLine(fields: readonly Field[], columns: number): string {
  return fitFields(fields, columns)
    .map(({ text, style }) => [cutToColumns(text, columns), style] as const)
    .map(([text, style]) => (style ? styled(style, text) : text))
    .join(separator);
}

function fields({ step, steps, loss, validation, metrics = {}, floor, ...rates }: Progress): Field[] {
  const validationLoss = validation.at(-1)?.loss;
  return [
    { text: `step ${formatCount(step)} of ${formatCount(steps)}`, priority: 0 },
    { text: `loss ${formatLoss(loss)}`, priority: 1, style: styles.training },
    ...(validationLoss === undefined
      ? []
      : [{ text: `● validation ${formatLoss(validationLoss)}`, priority: 2, style: styles.validation }]),
    ...Object.entries(metrics).map(([name, value]): Field => ({ text: formatMetric(name, value), priority: 3, style: styles.validation })),
    ...(floor === undefined ? [] : [{ text: `entropy ${formatLoss(floor)}`, priority: 5, style: styles.floor }]),
    ...(rates.experts ? [{ text: formatLoads(rates.experts), priority: 5 }] : []),
    { text: `${formatCount(rates.tokensPerSecond)} tokens/s`, priority: 4 },
    { text: `learning rate ${rates.learningRate.toExponential(1)}`, priority: 6 },
    { text: `gradient norm ${rates.gradientNorm.toPrecision(2)}`, priority: 7 },
  ];
}

function timeField({ evaluated, secondsLeft }: Progress): Field {
  const text = evaluated === undefined ? `${formatDuration(secondsLeft)} left` : `validating ${Math.floor(evaluated * 100)}%`;
  return { text, priority: 3 };
}

function chartLines(data: ChartData, labelled: number, columns: number, rows: number): string[] {
  const chart = drawChart(data, columns, rows);
  const labels = new Map([0, (rows - 1) / 2, rows - 1].map((row, i) => [row, formatLoss(chart.labels[i])]));
  return chart.rows.map((spans, row) => {
    const axis = styled("dim", `${(labels.get(row) ?? "").padStart(labelled)} │`);
    return axis + spans.map(({ text, series }) => (series ? styled(styles[series], text) : text)).join("").trimEnd();
  });
}

function bar({ step, steps }: Progress, columns: number): string {
  const filled = Math.round((step / steps) * columns);
  return styled("green", "━".repeat(filled)) + styled("dim", "━".repeat(columns - filled));
}

function sampleLines(
  samples: readonly Sample[] | undefined, asked: Progress["asked"], count: number, labelled: number, width: number,
): string[] {
  const textColumns = width - labelled - 2;
  if (count === 0 || textColumns < minColumns) return [];
  const line = (label: string, text: string): string => `${styled("dim", cutToColumns(label, labelled).padStart(labelled))}  ${text}`;
  // The end of a question says most of it.
  const shown = [endInColumns, cutToColumns];
  const above = Object.entries(asked ?? {}).map(([name, text], i) => line(name, shown[i](onOneLine(text), textColumns))).slice(0, count - 1);
  const below = chooseSamples(samples ?? [], count - above.length).map(({ step, text }) => line(formatCount(step), cutToColumns(printable(text), textColumns)));
  return [...above, ...below];
}

/** The first sample, by which one sees what was learnt since, and the newest ones. */
export function chooseSamples(samples: readonly Sample[], count: number): readonly Sample[] {
  if (count === 1 || samples.length <= count) return samples.slice(-count);
  return [samples[0], ...samples.slice(1 - count)];
}

/** The largest load of an expert, by what each would have if all were equal. */
export function formatLoads({ loads }: ExpertsReport): string {
  return `busiest expert ${Math.max(...loads.map((ofBlock) => Math.max(...ofBlock) * ofBlock.length)).toFixed(2)}×`;
}

/** The most columns that `formatLoss` takes. */
const lossColumns = 6;

function formatLoss(loss: number): string {
  return loss >= 999.5 || loss < 0.01 ? loss.toExponential(1) : loss.toPrecision(3);
}

/** An odd number of lines has one in the middle. */
function oddAtMost(rows: number): number {
  return rows % 2 === 0 ? rows - 1 : rows;
}
