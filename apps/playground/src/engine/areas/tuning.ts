import type { TuningArea } from "../api/tuning.ts";
import { reply } from "../failure.ts";
import type { Session } from "../session.ts";
import type { Tuner } from "../tuning/tuner.ts";

/** What tunes is imported when data are read. */
async function tunerOf(session: Session): Promise<Tuner> {
  const { Tuner } = await import("../tuning/tuner.ts");
  return (session.tuner ??= new Tuner(session));
}

export const tuningArea = (session: Session): TuningArea => ({
  readTuningData: (task, source) => reply(async () => (await tunerOf(session)).readData(task, source)),
  planTuning: (settings) => reply(async () => (await tunerOf(session)).plan(settings)),
  beginTuning: (settings) => reply(async () => (await tunerOf(session)).begin(settings)),
  tune: (job, onEvents) => session.job(job, onEvents, async (signal) => (await tunerOf(session)).follow(signal, onEvents)),
  classifyTuned: (text) => reply(async () => (await tunerOf(session)).classify(text)),
  chatTuned: (job, messages, tuned, onText) =>
    session.job(job, onText, async (signal) => (await tunerOf(session)).chat(messages, tuned, signal, onText)),
  packTuned: (kind) => reply(async () => (await tunerOf(session)).pack(kind)),
  openTuned: () => reply(async () => (await tunerOf(session)).open()),
});
