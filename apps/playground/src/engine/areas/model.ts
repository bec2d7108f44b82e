import type { ModelArea } from "../api/model.ts";
import { reply } from "../failure.ts";
import type { Session } from "../session.ts";

/** What opens models is imported when the first one is. */
const models = () => import("../models.ts");

export const modelArea = (session: Session): ModelArea => ({
  forecastModel: (job, source, onBytes) =>
    session.job(job, onBytes, async (signal) => (await models()).forecast(session, source, signal, onBytes)),
  openModel: (job, source, options, onBytes) =>
    session.job(job, onBytes, async (signal) => (await models()).open(session, source, options, signal, onBytes)),
  hasModel: () => reply(() => session.hasModel),
  modelAsPage: (name) => reply(async () => (await models()).asPage(session, name)),
  keptModels: () => reply(async () => (await models()).kept()),
  removeKeptModel: (name) => reply(async () => (await models()).removeKept(name)),
});
