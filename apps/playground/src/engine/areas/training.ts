import type { Reply } from "../api/reply.ts";
import type { OnTrainingNews, TrainingArea, TrainingEnd, TrainingSetup } from "../api/training.ts";
import { EngineError, reply } from "../failure.ts";
import type { Session } from "../session.ts";
import type { Trainer } from "../training/trainer.ts";
import { reportOf } from "./model.ts";

const keptRuns = () => import("../training/kept-runs.ts");

export function trainingArea(session: Session): TrainingArea {
  let own: string | undefined;
  let trainer: Trainer | undefined;
  /** Trains, one run at a time. */
  const training = (job: number, onNews: OnTrainingNews, work: (trainer: Trainer) => Promise<TrainingEnd>): Promise<Reply<TrainingEnd>> =>
    session.job(job, onNews, async (signal) => {
      session.backend();
      const { Trainer } = await import("../training/trainer.ts");
      if (trainer) throw new EngineError({ code: "busy", message: "another run is trained here; stop it first" });
      try {
        return await work((trainer = new Trainer(onNews, signal)));
      } catch (error) {
        // Where nothing had begun, what was stopped ends by the reason of its signal.
        throw signal.aborted && error === signal.reason ? new EngineError({ code: "stopped", message: "stopped before the first step" }) : error;
      } finally {
        trainer = undefined;
      }
    });
  return {
    setOwnText: (text) => reply(() => (own = text).length),
    planTraining: (setup) => reply(async () => {
      const { planSetup } = await import("../training/plan.ts");
      return planSetup(setup, await vocabSizeOf(setup, own), session.backend());
    }),
    train: (job, setup, onNews) => training(job, onNews, (trainer) => trainer.begin(setup, own)),
    continueRun: (job, run, setup, onNews) => training(job, onNews, (trainer) => trainer.continue(run, setup, own)),
    pauseTraining: (paused) => reply(() => trainer?.pause(paused)),
    setRateFactor: (factor) => reply(() => trainer?.setRateFactor(factor)),
    runs: () => reply(async () => (await keptRuns()).summaries()),
    runHistory: (run) => reply(async () => (await keptRuns()).historyOf(run)),
    removeRun: (run) => reply(async () => (await import("@gpt/train/web")).removeRun(run)),
    zipRun: (run, what) => reply(async () => (await keptRuns()).zipRun(run, what)),
    importRun: (folder) => reply(async () => (await keptRuns()).takeOver(folder)),
    openRun: (run) => reply(async () => {
      session.backend();
      const { model, tokenizer } = await (await keptRuns()).loadRun(run);
      session.model?.dispose();
      session.model = model;
      session.vocabularies.set("model", tokenizer);
      return reportOf(model);
    }),
  };
}

/** Tokens of the vocabulary that a setup makes. */
async function vocabSizeOf({ vocabulary, vocabSize, corpus }: TrainingSetup, own: string | undefined): Promise<number> {
  if (vocabulary === "pairs") return vocabSize;
  const { corpusOf } = await import("../training/corpora.ts");
  const { train, validation } = corpusOf(corpus, own);
  return new Set(train + validation).size;
}
