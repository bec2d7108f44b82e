import type { InsideArea } from "../api/inside.ts";
import { reply } from "../failure.ts";
import type { Session } from "../session.ts";
import { transferred } from "../transferred.ts";

const inspection = () => import("../inspection.ts");
const patching = () => import("../patching.ts");

export const insideArea = (session: Session): InsideArea => ({
  inspect: async (text) => transferred(await reply(async () => (await inspection()).inspect(await session.openModel(), text))),
  lens: async (ids) => transferred(await reply(async () => (await inspection()).lens(await session.openModel(), ids))),
  compare: (text, other) => reply(async () => (await patching()).compare(await session.openModel(), text, other)),
  patch: (job, question, onEvent) =>
    session.job(job, onEvent, async (signal) => (await patching()).patch(await session.openModel(), question, signal, onEvent)),
});
