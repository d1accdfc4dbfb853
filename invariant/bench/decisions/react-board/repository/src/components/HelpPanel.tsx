import { useEffect, useState } from "react";

interface Props {
  topic: string;
  close: () => void;
}

/** Help text that the workshop's owner writes in the back office. */
export default function HelpPanel({ topic, close }: Props) {
  const [html, setHtml] = useState("");

  useEffect(() => {
    fetch(`/api/help/${topic}`)
      .then((response) => response.text())
      .then(setHtml)
      .catch((error: unknown) => console.error("help not loaded", error));
  }, [topic]);

  return (
    <aside className="help">
      <img src="/help.svg" />
      <div dangerouslySetInnerHTML={{ __html: html }} />
      <p>
        More in the{" "}
        <a href="https://plank.example/manual" target="_blank" rel="noopener noreferrer">
          manual
        </a>{" "}
        or at <a href="https://plank.example/forum" target="_blank">the forum</a>.
      </p>
      <span className="close" onClick={close}>
        ×
      </span>
    </aside>
  );
}
