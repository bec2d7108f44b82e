import type { ComponentChildren } from "preact";
import { usePassingFocus } from "./use-passing-focus.ts";

interface PassingButtonProps {
  readonly children: ComponentChildren;
  /** What has the focus then. */
  readonly next: () => HTMLElement | null;
  readonly disabled?: boolean;
  readonly onClick: () => void;
}

/** A button that goes once it is pressed, or once what it is for has ended. */
export function PassingButton({ children, next, ...own }: PassingButtonProps) {
  const element = usePassingFocus<HTMLButtonElement>(next);
  return <button ref={element} type="button" class="plain-button" {...own}>{children}</button>;
}
