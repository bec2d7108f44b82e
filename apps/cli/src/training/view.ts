import type { EvaluationEvent, StepEvent, TrainEvent } from "@gpt/train";
import { formatCount, formatDuration } from "../format.ts";
import type { Output } from "../output.ts";
import { styled } from "../style.ts";
import { drawCurve } from "./chart.ts";
import type { Point } from "./chart.ts";

const chartRows = 6;
/** Characters in front of the chart and the bar. */
const margin = 8;
/** Of a chart that says anything; narrower terminals have the figures alone. */
const leastColumns = 20;

/** Shows a training run: a live panel where a person watches, a line for each event elsewhere, or JSON. */
export class TrainingView {
  readonly #output: Output;
  readonly #began = performance.now();
  /** Logarithms of the losses: so the slow progress at the end shows as well as the fall at the beginning. */
  readonly #curve: Point[] = [];
  readonly #stepsBefore: number;
  #validation: EvaluationEvent | undefined;

  /** `stepsBefore` were taken before this process began. */
  constructor(output: Output, stepsBefore: number) {
    this.#output = output;
    this.#stepsBefore = stepsBefore;
  }

  show(event: TrainEvent): void {
    switch (event.type) {
      case "step":
        return this.#showStep(event);
      case "evaluation":
        this.#validation = event;
        this.#output.record({ step: event.step, valLoss: event.loss, tokens: event.tokens, complete: event.complete });
        if (!this.#output.live) this.#output.note(`step ${event.step}: validation loss ${event.loss.toFixed(4)}`);
        return;
      case "checkpoint":
        return;
      case "done":
        this.#output.endPanel();
        return;
    }
  }

  #showStep(event: StepEvent): void {
    const { step, steps, loss, learningRate, gradientNorm, tokensPerSecond } = event;
    const seconds = (performance.now() - this.#began) / 1000;
    const secondsLeft = (seconds / (step - this.#stepsBefore)) * (steps - step);
    this.#curve.push({ step, value: Math.log(Math.max(loss, 1e-6)) });
    this.#output.record({ step, loss, lr: learningRate, gradientNorm, tokensPerSecond, secondsLeft });
    const figures = [
      `loss ${loss.toFixed(3)}`,
      ...(this.#output.live && this.#validation ? [`validation ${this.#validation.loss.toFixed(3)}`] : []),
      `${formatCount(tokensPerSecond)} tokens/s`,
      `${formatDuration(secondsLeft)} left`,
    ].join(" · ");
    if (this.#output.live) this.#drawPanel(event, figures);
    else this.#output.note(`step ${step} of ${steps}: ${figures}`);
  }

  #drawPanel({ step, steps }: StepEvent, figures: string): void {
    const progress = `step ${formatCount(step)} of ${formatCount(steps)} · ${figures}`;
    const columns = Math.min(72, process.stderr.columns - margin - 2);
    if (columns < leastColumns) return this.#output.panel(progress);
    const { lines, least, largest } = drawCurve(this.#curve, steps, columns, chartRows);
    const label = (row: number): string => {
      if (row === 0) return Math.exp(largest).toFixed(2);
      return row === chartRows - 1 ? Math.exp(least).toFixed(2) : "";
    };
    const filled = Math.round((step / steps) * columns);
    this.#output.panel(
      "",
      ...lines.map((line, row) => `${styled("dim", `${label(row).padStart(margin - 2)} │`)}${styled("cyan", line)}`),
      `${" ".repeat(margin)}${styled("green", "━".repeat(filled))}${styled("dim", "━".repeat(columns - filled))}`,
      `${" ".repeat(margin)}${progress}`,
    );
  }
}
