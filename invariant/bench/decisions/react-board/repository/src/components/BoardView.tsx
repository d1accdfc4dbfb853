import { Component, type ReactNode } from "react";
import { useBoard } from "../hooks/useBoard";
import { useOnline } from "../hooks/useOnline";
import { CardTile } from "./CardTile";

class BoardErrorBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  render() {
    return this.state.failed ? <p role="alert">The board cannot be shown.</p> : this.props.children;
  }
}

export interface BoardViewProps {
  id: string;
}

export function BoardView({ id }: BoardViewProps) {
  const { board, stale, move } = useBoard(id);
  const online = useOnline();

  if (board === null) return <p>Loading…</p>;
  return (
    <BoardErrorBoundary>
      {(stale || !online) && <p className="banner">You see the last known state.</p>}
      <main className="columns">
        {board.columns.map((column) => (
          <section
            key={column}
            aria-label={column}
            onDragOver={(event) => event.preventDefault()}
            onDrop={(event) => void move(event.dataTransfer.getData("text/plain"), column)}
          >
            <h2>{column}</h2>
            {board.cards
              .filter((card) => card.column === column)
              .map((card) => (
                <CardTile
                  key={card.id}
                  card={card}
                  columns={board.columns}
                  onMove={(target) => void move(card.id, target)}
                />
              ))}
          </section>
        ))}
      </main>
    </BoardErrorBoundary>
  );
}
