import type { EvaluationEvent, OnEvaluated, StepEvent, TrainEvent } from "@gpt/train";
import { formatAnswer, formatCount, formatDuration, formatMetric } from "../format.ts";
import type { Output, Size } from "../output.ts";
import { onOneLine } from "../terminal-text.ts";
import { Curve } from "./chart.ts";
import { recordOf } from "./event-record.ts";
import { chooseSamples, formatLoads, layOut, maxSamples } from "./layout.ts";
import type { Sample, TaskSample } from "./layout.ts";

/** What a view knows of a run before its first event. */
export interface ViewOptions {
  /** Steps taken before this process began. */
  readonly stepsBefore: number;
  /** Of the whole run. */
  readonly steps: number;
  /** The least loss that a model can expect of the validation data, where it is known. */
  readonly entropy?: number;
  /** Whether samples will be shown. */
  readonly samples: boolean;
}

/** Shows a training run: a live panel where a person watches, a line for each event elsewhere, or JSON. */
export class TrainingView {
  readonly #output: Output;
  readonly #options: ViewOptions;
  readonly #began = performance.now();
  readonly #training: Curve;
  readonly #validation: Curve;
  #samples: readonly Sample[] = [];
  #asked: TaskSample["asked"] | undefined;
  #metrics: EvaluationEvent["metrics"];
  #last: StepEvent | undefined;
  #secondsLeft = 0;
  /** How much of the running evaluation is done. */
  #evaluated: number | undefined;

  constructor(output: Output, options: ViewOptions) {
    this.#output = output;
    this.#options = options;
    this.#training = new Curve(options.steps);
    this.#validation = new Curve(options.steps);
  }

  /** Shows an event; with an evaluation goes what the model made of an example. */
  show(event: TrainEvent, sample?: TaskSample): void {
    switch (event.type) {
      case "step":
        return this.#showStep(event);
      case "evaluation":
        return this.#showEvaluation(event, sample);
      case "checkpoint":
        return;
      case "done":
        this.#output.endPanel();
        return;
    }
  }

  #showEvaluation(event: EvaluationEvent, sample: TaskSample | undefined): void {
    const { step, loss, metrics } = event;
    this.#validation.add(event);
    this.#evaluated = undefined;
    this.#metrics = metrics;
    this.#output.record({ ...recordOf(event), ...(sample && { sample: { ...sample.asked, ...sample.answered } }) });
    if (sample) {
      this.#asked = sample.asked;
      this.#samples = chooseSamples([...this.#samples, { step, text: onOneLine(sample.shown) }], maxSamples);
    }
    if (this.#output.live) return this.#draw();
    const measured = Object.entries(metrics ?? {}).map(([name, value]) => `, ${formatMetric(name, value)}`).join("");
    this.#output.note(`step ${step}: validation loss ${loss.toFixed(4)}${measured}`);
    if (!sample) return;
    const [question, wanted] = Object.values(sample.asked);
    this.#output.note(`  ${formatAnswer(question, sample.shown, sample.isRight ? undefined : wanted)}`);
  }

  /** Shows how far an evaluation has come, where a person watches. */
  showEvaluated({ tokens, totalTokens }: Parameters<OnEvaluated>[0]): void {
    this.#evaluated = tokens / totalTokens;
    this.#draw();
  }

  /** Shows what the model writes now, where a person watches. */
  showSample(sample: Sample): void {
    this.#samples = chooseSamples([...this.#samples, sample], maxSamples);
    this.#draw();
  }

  #showStep(event: StepEvent): void {
    const { step, steps, loss, tokensPerSecond, experts } = event;
    const seconds = (performance.now() - this.#began) / 1000;
    const secondsLeft = (seconds / (step - this.#options.stepsBefore)) * (steps - step);
    this.#last = event;
    this.#evaluated = undefined;
    this.#secondsLeft = secondsLeft;
    this.#training.add(event);
    this.#output.record({ ...recordOf(event), secondsLeft });
    const figures = [
      `loss ${loss.toFixed(3)}`,
      ...(experts ? [formatLoads(experts)] : []),
      `${formatCount(tokensPerSecond)} tokens/s`,
      `${formatDuration(secondsLeft)} left`,
    ].join(" · ");
    if (this.#output.live) this.#draw();
    else this.#output.note(`step ${step} of ${steps}: ${figures}`);
  }

  #draw(): void {
    if (this.#last) this.#output.panel((size) => this.#lines(size));
  }

  #lines(size: Size): string[] {
    const { entropy, samples } = this.#options;
    const progress = {
      ...this.#last!,
      training: this.#training.points,
      validation: this.#validation.points,
      floor: entropy,
      secondsLeft: this.#secondsLeft,
      evaluated: this.#evaluated,
      metrics: this.#metrics,
      samples: samples ? this.#samples : undefined,
      asked: this.#asked,
    };
    return layOut(progress, size);
  }
}
