import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";

/** How wide an element is, in pixels: what is drawn in it fits then. */
export function useWidth<T extends Element>(): { readonly element: RefObject<T | null>; readonly width: number } {
  const element = useRef<T>(null);
  const width = useSignal(0);
  useEffect(() => {
    const observer = new ResizeObserver(([{ contentRect }]) => (width.value = Math.floor(contentRect.width)));
    if (element.current) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return { element, width: width.value };
}
