/** Runs the conformance suite in a Worker: answers the questions of its page. */
import { answer } from "./answer.ts";
import type { Question } from "./answer.ts";

// A page hears of a Worker's errors, but not of its rejections.
addEventListener("unhandledrejection", ({ reason }) => reportError(reason));
addEventListener("message", ({ data }: MessageEvent<Question>) => {
  void answer(data).then((result) => postMessage(result));
});
