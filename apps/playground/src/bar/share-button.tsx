import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { announce } from "../state/announce.ts";
import { hash, isCut } from "../state/link.ts";
import { words } from "../state/locale.ts";
import { Icon } from "../ui/icon.tsx";
import "./share-button.css";

/** The address that reproduces what is seen. */
export function ShareButton() {
  const { share } = words.value;
  const isCopied = useSignal(false);
  const address = new URL(hash.value, document.baseURI).href;
  useEffect(() => void (isCopied.value = false), [address]);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(address);
    isCopied.value = true;
    announce(share.copied);
  };
  return (
    <>
      <button type="button" class="bar-button" popovertarget="share" aria-label={share.label} title={share.label}>
        <Icon name="link" />
      </button>
      <div id="share" class="panel" popover="auto" role="dialog" aria-label={share.label}>
        <h2>{share.label}</h2>
        <p class="soft">{share.about}</p>
        <div class="share-link">
          <input type="text" readOnly dir="ltr" aria-label={share.address} value={address} onFocus={({ currentTarget }) => currentTarget.select()} />
          {/* Without the right to copy, the field is there to copy from. */}
          <button type="button" class="main-button" onClick={() => void copy().catch(() => undefined)}>{isCopied.value ? share.copied : share.copy}</button>
        </div>
        {isCut.value && <p>{share.cut}</p>}
      </div>
    </>
  );
}
