import type { ComponentChildren } from "preact";

interface SteadyButtonProps {
  readonly children: ComponentChildren;
  /** Whether it does nothing now. */
  readonly isOff: boolean;
  readonly class?: string;
  readonly "aria-label"?: string;
  readonly title?: string;
  readonly onClick: () => void;
}

/** A button that keeps the focus while it does nothing, which one that is disabled would lose: a press itself may be what turns it off. */
export function SteadyButton({ children, isOff, onClick, ...own }: SteadyButtonProps) {
  return <button type="button" class="plain-button" {...own} aria-disabled={isOff} onClick={() => !isOff && onClick()}>{children}</button>;
}
