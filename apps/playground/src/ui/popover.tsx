import type { ComponentChildren } from "preact";
import "./popover.css";

interface PopoverProps {
  readonly id: string;
  /** What the chip is for, before what it shows. */
  readonly label: string;
  readonly status: "loading" | "ready" | "failed";
  /** What the chip shows, and what more where there is room. */
  readonly summary: string;
  readonly detail?: string;
  readonly children: ComponentChildren;
}

/** A chip that says how something is, and the panel behind it. */
export function Popover({ id, label, status, summary, detail, children }: PopoverProps) {
  return (
    <>
      <button type="button" class="chip" popovertarget={id} aria-label={[`${label}:`, summary, detail].filter(Boolean).join(" ")}>
        <span class={`dot ${status}`} />
        {summary}{" "}
        {detail && <span class="chip-detail">{detail}</span>}
      </button>
      <div id={id} class="panel" popover="auto" role="dialog" aria-label={label}>
        {children}
      </div>
    </>
  );
}
