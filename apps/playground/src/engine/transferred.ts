import { transfer } from "comlink";
import type { Reply } from "./api/reply.ts";

/** Lets the arrays of an answer move to the page; they are not copied. */
export function transferred<T extends object>(answer: Reply<T>): Reply<T> {
  if ("failure" in answer) return answer;
  const buffers = Object.values(answer.value).flatMap((part: unknown) => (ArrayBuffer.isView(part) ? [part.buffer as ArrayBuffer] : []));
  return transfer(answer, buffers);
}
