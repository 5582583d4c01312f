import '@cloudscape-design/global-styles/index.css';
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/app.tsx';
import { connectionLost, onReturn } from './app/connection.ts';
import { isLost } from './app/fault-alert.tsx';
import { showMode } from './app/preferences.ts';
import './app/app.css';

showMode();

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root.');

/** A request that was refused is not repeated; one that did not arrive is, by the SDK. */
const queries = new QueryClient({
  queryCache: new QueryCache({
    onError: error => {
      if (isLost(error)) connectionLost();
    },
  }),
  defaultOptions: { queries: { retry: false, staleTime: 5_000 } },
});

onReturn(() => queries.invalidateQueries());

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
