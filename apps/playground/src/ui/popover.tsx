import type { ComponentChildren } from "preact";
import "./popover.css";

interface ChipProps {
  /** What the chip is for, before what it shows. */
  readonly label: string;
  readonly status: "loading" | "ready" | "failed";
  /** What the chip shows, and what more where there is room. */
  readonly summary: string;
  readonly detail?: string;
  /** What it does, or the panel that it opens. */
  readonly onClick?: () => void;
  readonly popovertarget?: string;
}

/** A button that says how something is. */
export function Chip({ label, status, summary, detail, ...action }: ChipProps) {
  return (
    <button type="button" class="chip" aria-label={[`${label}:`, summary, detail].filter(Boolean).join(" ")} {...action}>
      <span class={`dot ${status}`} />
      <span class="chip-summary">{summary}</span>{" "}
      {detail && <span class="chip-detail">{detail}</span>}
    </button>
  );
}

interface PopoverProps extends Omit<ChipProps, "onClick" | "popovertarget"> {
  readonly id: string;
  readonly children: ComponentChildren;
}

/** A chip, and the panel behind it. */
export function Popover({ id, children, ...chip }: PopoverProps) {
  return (
    <>
      <Chip {...chip} popovertarget={id} />
      <div id={id} class="panel" popover="auto" role="dialog" aria-label={chip.label}>
        {children}
      </div>
    </>
  );
}
