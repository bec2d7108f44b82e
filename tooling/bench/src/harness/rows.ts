import type { Sample } from "./sample.ts";

/** One line of the table. */
export interface Row {
  readonly work: string;
  readonly ours: string;
  /** What ours is compared with. */
  readonly against?: string;
  readonly theirs?: string;
  /** How many times faster ours is, by the medians and by the best of each. */
  readonly ratio?: number;
  readonly bestRatio?: number;
  readonly demanded?: string;
  readonly reached?: boolean;
}

/** How a sample of times is told: as it is, or as a rate. */
export interface Unit {
  readonly name: string;
  /** What a time in milliseconds is in this unit; more is better unless `isTime`. */
  of(milliseconds: number): number;
}

export const milliseconds: Unit = { name: "ms", of: (time) => time };

/** So much work in each call, by the second, divided by `scale`. */
export function rate(name: string, amount: number, scale = 1): Unit {
  return { name, of: (time) => (amount / scale / time) * 1000 };
}

export interface Comparison {
  readonly work: string;
  readonly unit: Unit;
  readonly ours: Sample;
  readonly against: string;
  readonly theirs: Sample;
  /** The least ratio. */
  readonly demanded?: number;
}

/** The line for two samples of times. */
export function compared({ work, unit, ours, against, theirs, demanded }: Comparison): Row {
  const ratio = theirs.median / ours.median;
  return {
    work,
    ours: formatSample(ours, unit),
    against,
    theirs: formatSample(theirs, unit),
    ratio,
    bestRatio: theirs.min / ours.min,
    ...(demanded === undefined ? {} : { demanded: `≥ ${demanded}`, reached: ratio >= demanded }),
  };
}

export interface Bound {
  readonly work: string;
  readonly ours: string;
  readonly value: number;
  /** The most that is allowed, and how it is told. */
  readonly max: number;
  readonly demanded: string;
}

/** The line for one figure that must not exceed a bound. */
export function bounded({ work, ours, value, max, demanded }: Bound): Row {
  return { work, ours, demanded: `≤ ${demanded}`, reached: value <= max };
}

/** Median and quartiles. */
export function formatSample(sample: Sample, unit: Unit): string {
  const [median, ...quartiles] = [0.5, 0.25, 0.75].map((p) => unit.of(sample.quantile(p)));
  const [low, high] = quartiles.toSorted((a, b) => a - b);
  return `${formatNumber(median)} ${unit.name} (${formatNumber(low)}–${formatNumber(high)})`;
}

/** Three digits, or whole numbers. */
export function formatNumber(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3);
}
