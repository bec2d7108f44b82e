/** Runs the conformance suite in a process: answers the questions of the one that started it. */
import { answer } from "./answer.ts";
import type { Question } from "./answer.ts";

process.on("message", (question: Question) => {
  void answer(question).then((result) => process.send?.(result));
});
