import type { BackendArea } from "../api/backend.ts";
import { reply } from "../failure.ts";
import type { Session } from "../session.ts";

/** What computes is imported when it starts, so that tokens are there before. */
const backends = () => import("../backends.ts");

export const backendArea = (session: Session): BackendArea => ({
  places: () => reply(async () => (await backends()).findPlaces()),
  start: (choice) =>
    reply(async () => {
      await session.endJobs();
      await session.tuner?.discard();
      session.tuner = undefined;
      session.dropUnkept();
      await session.closeModel();
      const next = await (await backends()).startBackend(choice);
      session.started?.backend.dispose();
      session.started = next;
      return next.report;
    }),
});
