import type { Reply } from "../api/reply.ts";
import type { CorpusId, OnTrainingNews, TrainingArea, TrainingEnd, TrainingSetup } from "../api/training.ts";
import { EngineError, reply } from "../failure.ts";
import type { Session } from "../session.ts";
import type { Trainer } from "../training/trainer.ts";

const keptRuns = () => import("../training/kept-runs.ts");

export function trainingArea(session: Session): TrainingArea {
  let own: string | undefined;
  /** How many different characters texts have. */
  const characters = new Map<CorpusId, number>();
  /** Tokens of the vocabulary that a setup makes. */
  const vocabSizeOf = async ({ vocabulary, vocabSize, corpus }: TrainingSetup): Promise<number> => {
    const { corpusOf } = await import("../training/corpora.ts");
    if (vocabulary === "pairs") {
      // An engine that was started anew has lost it, which is to be said before the run.
      if (corpus === "own") corpusOf(corpus, own);
      return vocabSize;
    }
    const known = characters.get(corpus);
    if (known !== undefined) return known;
    const { train, validation } = corpusOf(corpus, own);
    const { size } = new Set(train + validation);
    characters.set(corpus, size);
    return size;
  };
  let trainer: Trainer | undefined;
  /** Trains, one run at a time. */
  const training = (job: number, onNews: OnTrainingNews, work: (trainer: Trainer) => Promise<TrainingEnd>): Promise<Reply<TrainingEnd>> =>
    session.job(job, onNews, async (signal) => {
      session.backend();
      const { Trainer } = await import("../training/trainer.ts");
      if (trainer) throw new EngineError({ code: "busy", message: "another run is trained here; stop it first" });
      session.dropUnkept();
      try {
        const end = await work((trainer = new Trainer(onNews, signal)));
        session.unkept = trainer.unkept;
        return end;
      } catch (error) {
        // Where nothing had begun, what was stopped ends by the reason of its signal.
        throw signal.aborted && error === signal.reason ? new EngineError({ code: "stopped", message: "stopped before the first step" }) : error;
      } finally {
        trainer = undefined;
      }
    });
  return {
    setOwnText: (text) => reply(async () => {
      characters.delete("own");
      own = (typeof text === "string" ? text : await readTexts(text)).slice(0, longestText);
      return own.length;
    }),
    planTraining: (setup) => reply(async () => {
      const { planSetup } = await import("../training/plan.ts");
      return planSetup(setup, await vocabSizeOf(setup), session.backend(), session.weightBytes);
    }),
    train: (job, setup, onNews) => training(job, onNews, (trainer) => trainer.begin(setup, own)),
    continueRun: (job, run, setup, onNews) => training(job, onNews, (trainer) => trainer.continue(run, setup, own)),
    pauseTraining: (paused) => reply(() => trainer?.pause(paused)),
    setRateFactor: (factor) => reply(() => trainer?.setRateFactor(factor)),
    runs: () => reply(async () => (await keptRuns()).summaries()),
    runHistory: (run) => reply(async () => (await keptRuns()).historyOf(run)),
    removeRun: (run) => reply(async () => {
      await (await import("@gpt/train/web")).removeRun(run);
      if (session.unkept?.run === run) session.dropUnkept();
    }),
    zipRun: (run, what) => reply(async () => {
      const { zipModel, zipRun } = await keptRuns();
      return what === "model" && session.unkept?.run === run ? zipModel(session.unkept) : zipRun(run, what);
    }),
    importRun: (folder) => reply(async () => (await keptRuns()).takeOver(folder)),
    openRun: (run) => reply(async () => {
      session.backend();
      const [{ copyUnkept, loadRun }, { reportOf }] = await Promise.all([keptRuns(), import("../models.ts")]);
      const { model, tokenizer } = await (session.unkept?.run === run ? copyUnkept(session.unkept) : loadRun(run));
      const report = reportOf(model.config, tokenizer);
      await session.replaceModel(model, tokenizer, report.weightBytes);
      return report;
    }),
  };
}

/** Characters of a text that is learnt, and bytes of its files: more takes a tab's memory. */
const [longestText, mostBytes] = [20_000_000, 2 ** 26];

async function readTexts(files: readonly File[]): Promise<string> {
  let bytes = mostBytes;
  const texts: string[] = [];
  for (const file of files) {
    texts.push(await file.slice(0, bytes).text());
    bytes = Math.max(0, bytes - file.size);
  }
  return texts.join("\n\n");
}
