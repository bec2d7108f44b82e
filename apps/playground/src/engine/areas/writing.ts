import type { WritingArea } from "../api/writing.ts";
import { reply } from "../failure.ts";
import type { Session } from "../session.ts";

const writing = () => import("../writing.ts");

export const writingArea = (session: Session): WritingArea => ({
  readPrompt: (text) =>
    reply(async () => {
      const { readPrompt } = await writing();
      return session.withModel((open) => readPrompt(open, text));
    }),
  readChat: (messages) =>
    reply(async () => {
      const { readChat } = await writing();
      return session.withModel((open) => readChat(open, messages));
    }),
  write: (job, ids, options, onTokens) =>
    session.job(job, onTokens, async (signal) => {
      const { write } = await writing();
      return session.withModel((open, closing) => write(open, ids, options, AbortSignal.any([signal, closing]), onTokens));
    }),
  outlook: (...question) =>
    reply(async () => {
      const { outlook } = await writing();
      return session.withModel((open) => outlook(open, ...question));
    }),
});
