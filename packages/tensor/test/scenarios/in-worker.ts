/** Makes scenarios in a Worker: takes their names, answers with what was `Seen`. */
import { runScenario } from "./run.ts";
import type { Scenario } from "./run.ts";

// A page hears of a Worker's errors, but not of its rejections.
addEventListener("unhandledrejection", ({ reason }) => reportError(reason));
addEventListener("message", ({ data }: MessageEvent<Scenario[]>) => {
  void runScenario(data).then((seen) => postMessage(seen));
});
