global using LayerCake.Testing;
