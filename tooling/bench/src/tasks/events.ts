import { capital, drawsOf, words } from "./draw.ts";
import type { Draw } from "./draw.ts";
import type { WritingRecord } from "./records.ts";

interface Goal {
  readonly team: string;
  readonly player: string;
}

/** What happened in a match, a line each, and its summary: the result, and who scored. Names are made anew for each match. */
export function* summaries(seed: number): Generator<WritingRecord> {
  const draw = drawsOf(seed);
  for (;;) {
    const [home, guest, ...players] = words(draw, 8, "bdfgklmnprstvz", "aeiou").map(capital);
    const teams = [{ team: home, players: players.slice(0, 3) }, { team: guest, players: players.slice(3) }];
    const goals: Goal[] = [];
    const lines = minutes(draw, 4 + draw.below(5)).map((minute) => {
      const { team, players } = draw.of(teams);
      const player = draw.of(players);
      const event = draw.of(["goal", "goal", "card", "corner"]);
      if (event !== "goal") return `${minute}' ${event} ${team} ${player}`;
      goals.push({ team, player });
      return `${minute}' goal ${team} ${player}, ${goalsOf(home, goals)} to ${goalsOf(guest, goals)}`;
    });
    yield { prompt: `${home} against ${guest}\n${lines.join("\n")}\nSummary:\n`, completion: summary(home, guest, goals) };
  }
}

function minutes(draw: Draw, count: number): number[] {
  return draw.sample(count, Array.from({ length: 90 }, (_, i) => i + 1)).sort((a, b) => a - b);
}

function summary(home: string, guest: string, goals: readonly Goal[]): string {
  const [ours, theirs] = [goalsOf(home, goals), goalsOf(guest, goals)];
  if (goals.length === 0) return `${home} and ${guest} scored no goal.`;
  const result = ours === theirs
    ? `${home} and ${guest} drew ${ours} to ${theirs}.`
    : ours > theirs ? `${home} beat ${guest} ${ours} to ${theirs}.` : `${guest} beat ${home} ${theirs} to ${ours}.`;
  return `${result} Goals: ${goals.map(({ player }) => player).join(", ")}.`;
}

function goalsOf(name: string, goals: readonly Goal[]): number {
  return goals.filter(({ team }) => team === name).length;
}
