import type { WritingArea } from "../api/writing.ts";
import { reply } from "../failure.ts";
import type { Session } from "../session.ts";

const writing = () => import("../writing.ts");

export const writingArea = (session: Session): WritingArea => ({
  readPrompt: (text) => reply(async () => (await writing()).readPrompt(await session.openModel(), text)),
  write: (job, ids, options, onTokens) =>
    session.job(job, onTokens, async (signal) => (await writing()).write(await session.openModel(), ids, options, signal, onTokens)),
  outlook: (...question) => reply(async () => (await writing()).outlook(await session.openModel(), ...question)),
});
