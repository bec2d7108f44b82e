import type { EvaluationEvent, OnEvaluated, StepEvent, TrainEvent } from "@gpt/train";
import { formatCount, formatDuration, LineWrapper } from "../format.ts";
import type { Output } from "../output.ts";
import { styled } from "../style.ts";
import { drawCurve } from "./chart.ts";
import type { Point } from "./chart.ts";

const chartRows = 6;
/** Characters in front of the chart and the bar. */
const margin = 8;
/** Of a chart that says anything; narrower terminals have the figures alone. */
const minColumns = 20;

/** Shows a training run: a live panel where a person watches, a line for each event elsewhere, or JSON. */
export class TrainingView {
  readonly #output: Output;
  readonly #began = performance.now();
  /** Logarithms of the losses: so the slow progress at the end shows as well as the fall at the beginning. */
  readonly #curve: Point[] = [];
  readonly #stepsBefore: number;
  #validation: EvaluationEvent | undefined;
  /** What is drawn, but for how far an evaluation has come. */
  #panel: readonly string[] = [];

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
        if (this.#output.live) this.#output.panel(...this.#panel);
        else this.#output.note(`step ${event.step}: validation loss ${event.loss.toFixed(4)}`);
        return;
      case "checkpoint":
        return;
      case "done":
        this.#output.endPanel();
        return;
    }
  }

  /** Shows how far an evaluation has come, where a person watches. */
  showEvaluated({ tokens, totalTokens }: Parameters<OnEvaluated>[0]): void {
    const line = `validating: ${formatCount(tokens)} of ${formatCount(totalTokens)} tokens`;
    this.#output.panel(...this.#panel, line);
  }

  #draw(...lines: string[]): void {
    this.#panel = lines;
    this.#output.panel(...lines);
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
    const width = process.stderr.columns - 1;
    const columns = Math.min(72, width - margin - 1);
    if (columns < minColumns) return this.#draw(new LineWrapper(width).push(progress));
    const progressLines = new LineWrapper(width - margin).push(progress).split("\n");
    const { lines, min, largest } = drawCurve(this.#curve, steps, columns, chartRows);
    const label = (row: number): string => {
      if (row === 0) return Math.exp(largest).toFixed(2);
      return row === chartRows - 1 ? Math.exp(min).toFixed(2) : "";
    };
    const filled = Math.round((step / steps) * columns);
    this.#draw(
      "",
      ...lines.map((line, row) => `${styled("dim", `${label(row).padStart(margin - 2)} │`)}${styled("cyan", line)}`),
      `${" ".repeat(margin)}${styled("green", "━".repeat(filled))}${styled("dim", "━".repeat(columns - filled))}`,
      ...progressLines.map((line) => `${" ".repeat(margin)}${line}`),
    );
  }
}
