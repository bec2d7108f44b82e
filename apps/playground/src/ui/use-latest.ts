import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { settled } from "../state/engine.ts";
import type { Loading } from "../state/engine.ts";

/**
 * What is asked for last, asked one at a time: while one question is on its way, only the newest of the others waits. The answer
 * before stays until the next is there.
 */
export function useLatest<T>(ask: () => Promise<T>, dependencies: readonly unknown[]): Loading<T> {
  const state = useSignal<Loading<T>>({ status: "loading" });
  const waiting = useRef<() => Promise<T>>(undefined);
  const isAsking = useRef(false);
  const work = async (): Promise<void> => {
    if (isAsking.current) return;
    isAsking.current = true;
    for (let next = waiting.current; next; next = waiting.current) {
      waiting.current = undefined;
      state.value = await settled(next());
    }
    isAsking.current = false;
  };
  useEffect(() => {
    waiting.current = ask;
    void work();
  }, dependencies);
  return state.value;
}
