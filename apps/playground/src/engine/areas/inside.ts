import type { InsideArea } from "../api/inside.ts";
import { reply } from "../failure.ts";
import type { Session } from "../session.ts";
import { transferred } from "../transferred.ts";

const inspection = () => import("../inspection.ts");
const patching = () => import("../patching.ts");

export const insideArea = (session: Session): InsideArea => ({
  inspect: async (text) => {
    const { inspect } = await inspection();
    return transferred(await reply(() => session.withModel((open) => inspect(open, text))));
  },
  lens: async (ids) => {
    const { lens } = await inspection();
    return transferred(await reply(() => session.withModel((open) => lens(open, ids))));
  },
  compare: (text, other) =>
    reply(async () => {
      const { compare } = await patching();
      return session.withModel((open) => compare(open, text, other));
    }),
  patch: (job, question, onEvent) =>
    session.job(job, onEvent, async (signal) => {
      const { patch } = await patching();
      return session.withModel((open, closing) => patch(open, question, AbortSignal.any([signal, closing]), onEvent));
    }),
});
