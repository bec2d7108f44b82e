import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { announce } from "../../state/announce.ts";
import { count, words } from "../../state/locale.ts";
import { Icon } from "../../ui/icon.tsx";
import { SteadyButton } from "../../ui/steady-button.tsx";
import type { IconName } from "../../ui/icon.tsx";
import { glyphsOf, plain } from "../../ui/glyphs.ts";
import type { MergeNode, MergeTree, TreeNode } from "./merge-tree.ts";
import { Glyphs } from "../../ui/token-list.tsx";
import "./merge-player.css";

/** Time for each merge, in milliseconds. */
const pace = 700;

/** The merges of a piece, one after the other: all of them are shown until it is played. */
export function MergePlayer({ tree }: { readonly tree: MergeTree }) {
  const { tokens } = words.value;
  const steps = tree.merges.length;
  const step = useSignal(steps);
  const isPlaying = useSignal(false);
  useEffect(() => {
    step.value = steps;
    isPlaying.value = false;
  }, [tree]);
  useEffect(() => {
    if (!isPlaying.value) return;
    const timer = setInterval(() => {
      if (step.value < steps) step.value++;
      if (step.value >= steps) isPlaying.value = false;
    }, pace);
    return () => clearInterval(timer);
  }, [isPlaying.value, tree]);
  const at = Math.min(step.value, steps);
  const go = (to: number): void => {
    isPlaying.value = false;
    step.value = to;
    announce(captionOf(tree, to));
  };
  const play = (): void => {
    if (step.value >= steps) step.value = 0;
    isPlaying.value = !isPlaying.value;
  };
  const { first, back, forward, last } = tokens;
  return (
    <div class="merges">
      <div class="merges-head">
        <h3>{tokens.made}</h3>
        <div class="player">
          <IconButton icon="first" label={first} isOff={at === 0} onClick={() => go(0)} />
          <IconButton icon="back" label={back} isOff={at === 0} onClick={() => go(at - 1)} />
          <IconButton icon={isPlaying.value ? "pause" : "play"} label={isPlaying.value ? tokens.pause : tokens.play} onClick={play} />
          <IconButton icon="forward" label={forward} isOff={at === steps} onClick={() => go(at + 1)} />
          <IconButton icon="last" label={last} isOff={at === steps} onClick={() => go(steps)} />
        </div>
      </div>
      <div class="tree-scroll" tabIndex={0} role="group" aria-label={tokens.made}>
        <div class="tree" aria-hidden="true" style={{ gridTemplateColumns: `repeat(${tree.symbols.length}, minmax(22px, auto))` }}>
          {tree.symbols.map((node) => <Node key={`s${node.start}`} node={node} state="symbol" />)}
          {tree.merges.map((node, i) => <Node key={i} node={node} state={i >= at ? "waiting" : i === at - 1 ? "newest" : "done"} />)}
        </div>
      </div>
      <p class="caption">{captionOf(tree, at)}</p>
      <details>
        <summary>{tokens.list}</summary>
        <ol>
          {tree.merges.map((node, i) => <li key={i}>{joined(node)} <span class="soft">{tokens.rank(count(node.rank + 1))}</span></li>)}
        </ol>
      </details>
    </div>
  );
}

function Node({ node, state }: { readonly node: TreeNode; readonly state: "symbol" | "done" | "newest" | "waiting" }) {
  return (
    <span class={`node ${state}`} style={{ gridColumn: `${node.start + 1} / ${node.end + 1}`, gridRow: node.level + 1 }}>
      <span><Glyphs glyphs={glyphsOf(node.bytes)} /></span>
    </span>
  );
}

function captionOf({ merges }: MergeTree, step: number): string {
  const { tokens } = words.value;
  if (step === 0) return tokens.start;
  const node = merges[step - 1];
  return `${tokens.step(count(step), count(merges.length))}: ${joined(node)} (${tokens.rank(count(node.rank + 1))})`;
}

function joined({ left, right, bytes }: MergeNode): string {
  return words.value.tokens.joins(plain(left.bytes), plain(right.bytes), plain(bytes));
}

interface IconButtonProps {
  readonly icon: IconName;
  readonly label: string;
  readonly isOff?: boolean;
  readonly onClick: () => void;
}

function IconButton({ icon, label, isOff = false, onClick }: IconButtonProps) {
  return (
    <SteadyButton class="icon-button" aria-label={label} title={label} isOff={isOff} onClick={onClick}>
      <Icon name={icon} />
    </SteadyButton>
  );
}
