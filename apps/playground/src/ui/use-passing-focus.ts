import { useLayoutEffect, useRef } from "preact/hooks";
import type { RefObject } from "preact";

/** Hands the focus on where an element that has it goes: to one that stays. */
export function usePassingFocus<T extends HTMLElement>(next: () => HTMLElement | null): RefObject<T | null> {
  const element = useRef<T>(null);
  useLayoutEffect(() => () => {
    if (element.current?.contains(document.activeElement)) next()?.focus();
  }, []);
  return element;
}
