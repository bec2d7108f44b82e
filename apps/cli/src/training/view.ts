import type { EvaluationEvent, StepEvent, TrainEvent } from "@gpt/train";
import pc from "picocolors";
import { formatCount, formatDuration } from "../format.ts";
import type { Output } from "../output.ts";
import { drawCurve } from "./chart.ts";
import type { Point } from "./chart.ts";

const chartRows = 6;
/** Characters in front of the chart and the bar. */
const margin = 8;

/** Shows a training run: a live panel where a person watches, a line for each event elsewhere, or JSON. */
export class TrainingView {
  readonly #output: Output;
  readonly #began = performance.now();
  readonly #curve: Point[] = [];
  #firstStep: number | undefined;
  #validation: EvaluationEvent | undefined;

  constructor(output: Output) {
    this.#output = output;
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
        this.#firstStep ??= event.step;
        return;
      case "done":
        this.#output.endPanel();
        return;
    }
  }

  #showStep(event: StepEvent): void {
    const { step, steps, loss, learningRate, gradientNorm, tokensPerSecond } = event;
    const before = (this.#firstStep ??= 0);
    const secondsLeft = ((performance.now() - this.#began) / 1000 / (step - before)) * (steps - step);
    this.#curve.push({ step, value: loss });
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
    const columns = Math.max(20, Math.min(72, (process.stderr.columns || 80) - margin - 2));
    const curve = drawCurve(this.#curve, steps, columns, chartRows);
    const values = this.#curve.map(({ value }) => value);
    const label = (row: number): string => {
      if (row === 0) return Math.max(...values).toFixed(2);
      return row === chartRows - 1 ? Math.min(...values).toFixed(2) : "";
    };
    const filled = Math.round((step / steps) * columns);
    this.#output.panel(
      "",
      ...curve.map((line, row) => `${pc.dim(label(row).padStart(margin - 2))} ${pc.dim("│")}${pc.cyan(line)}`),
      `${" ".repeat(margin)}${pc.green("━".repeat(filled))}${pc.dim("━".repeat(columns - filled))}`,
      `${" ".repeat(margin)}step ${formatCount(step)} of ${formatCount(steps)} · ${figures}`,
    );
  }
}
