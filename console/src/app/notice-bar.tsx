import Flashbar from '@cloudscape-design/components/flashbar';
import { dismiss, type Notice } from './notices.ts';

export default function NoticeBar({ notices }: { notices: readonly Notice[] }) {
  return (
    <div className="notices">
      <Flashbar
        items={notices.map(notice => ({
          ...notice,
          dismissible: true,
          dismissLabel: 'Dismiss',
          onDismiss: () => dismiss(notice.id),
        }))}
      />
    </div>
  );
}
