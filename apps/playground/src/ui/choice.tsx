import "./choice.css";

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly names: Readonly<Record<T, string>>;
  readonly value: T;
  readonly onChoose: (value: T) => void;
}

/** One of a few, side by side. */
export function Choice<T extends string>({ label, names, value, onChoose }: ChoiceProps<T>) {
  return (
    <div class="choice" role="radiogroup" aria-label={label}>
      {(Object.keys(names) as T[]).map((name) => (
        <label key={name}>
          <input type="radio" name={label} checked={name === value} onChange={() => onChoose(name)} />
          <span>{names[name]}</span>
        </label>
      ))}
    </div>
  );
}

interface ToggleProps {
  readonly name: string;
  readonly detail?: string;
  readonly isOn: boolean;
  readonly onToggle: (on: boolean) => void;
}

/** One of many that may be chosen together. */
export function Toggle({ name, detail, isOn, onToggle }: ToggleProps) {
  return (
    <label class="toggle">
      <input type="checkbox" checked={isOn} onChange={({ currentTarget }) => onToggle(currentTarget.checked)} />
      <span>{name}</span>
      {detail && <span class="detail">{detail}</span>}
    </label>
  );
}
